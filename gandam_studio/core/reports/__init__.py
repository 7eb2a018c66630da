"""Reports: one page of HTML about runs or an experiment, complete in itself, for people who have nothing else."""
