"""Settings in plain words: a name for people, and in a sentence what good and bad values look like."""

from __future__ import annotations

SETTINGS: dict[str, tuple[str, str]] = {
    "preset": ("Preset", ""),
    "description": ("What the preset is for", ""),
    "seed": ("Seed", "No seed is better than another; two runs with different seeds show what is luck"),
    "device": (
        "Device",
        "A graphics card (cuda, mps) is ten times as fast or more; a processor (cpu) is enough for small pictures",
    ),
    "processes": ("Processes", "1 for one graphics card; more only with as many cards"),
    "data.size": ("Picture size", "Twice the side takes about four times as long; too small loses details"),
    "data.channels": ("Colour channels", "4 keeps cut-out sprites transparent; 3 is easier to learn"),
    "data.subset": ("Use only some pictures", "Leave at 0 for real runs; a few hundred make quick trials"),
    "data.every_other": ("Use every other picture", "Off for real runs; on to see what half the pictures would do"),
    "data.condition": (
        "Classes",
        "A GAN needs hundreds of pictures for each class; a flow has gained from classes of dozens",
    ),
    "architecture.kind": (
        "Kind of network",
        "dcgan is the quickest, sprite the best of the GANs, unet is for flows; "
        "changing it alone may not fit the lists below",
    ),
    "architecture.size": ("Designed for", "Leave as it is, unless you rewrite the lists of channels too"),
    "architecture.latent": ("Size of the latent vector", "64 to 512 are common; far fewer make samples look alike"),
    "architecture.base": ("First map", "4 suits nearly all pictures; smaller maps start from less detail"),
    "architecture.generator_base_channels": ("Channels of the first map", "More learn more shapes, and take longer"),
    "architecture.generator_dense": ("Generator's dense layers", "One or two help with shape; many learn slowly"),
    "architecture.generator_channels": (
        "Generator's channels",
        "More draw finer details, but twice as many take about four times as long",
    ),
    "architecture.discriminator_channels": (
        "Discriminator's channels",
        "About as many as the generator's; far more and it wins, far fewer and samples stay rough",
    ),
    "architecture.wide_channels": (
        "Wider last stages",
        "One and a half to two times the narrow ones; the last stages take most of the time",
    ),
    "architecture.wide_from": (
        "Wider stages from",
        "About 2,000 at 32 px; with far fewer, narrow ones may draw better. 0 keeps the channels above",
    ),
    "architecture.discriminator_dense": ("Discriminator's dense layers", "None or one; more make it win more easily"),
    "architecture.generator_norm": ("Generator's normalisation", "batch trains faster; none avoids colour shifts"),
    "architecture.discriminator_norm": (
        "Discriminator's normalisation",
        "spectral keeps training calm; batch is fast; none goes with a gradient penalty",
    ),
    "architecture.discriminator_norm_blocks": ("Blocks with normalisation", "Leave at -1 unless you follow a paper"),
    "architecture.norm_momentum": ("Normalisation momentum", "0.1 is usual; larger values make samples flicker"),
    "architecture.dropout": ("Dropout", "0.2 to 0.5 weakens a discriminator that wins; too much blurs samples"),
    "architecture.modulation": ("Latent scales every stage", "On: more varied samples; off: a little faster"),
    "architecture.palette": (
        "Colours of a sample",
        "12 to 20 draw plain parts without streaks; 0 lets every pixel have any colour",
    ),
    "architecture.skips": ("Draw at every stage", "On: colour and shape appear early; off: a little faster"),
    "architecture.colour_weight": ("Weight of colour", "Above 1 if samples stay grey; too much gives loud colours"),
    "architecture.minibatch_std": ("Compare pictures in a group", "On if all samples look alike; it costs little"),
    "architecture.norm_eps": ("Normalisation epsilon", "Leave as it is, unless you copy another program's network"),
    "architecture.dense_activation": ("Activation of dense layers", "leaky learns more steadily; relu is the classic"),
    "architecture.patch": ("Pixels taken together", "2 is usual; more is faster and much coarser"),
    "architecture.blocks": ("Blocks of a stage", "1 on a processor; 2 on a graphics card, where they are cheap"),
    "objective.kind": (
        "Loss",
        "relativistic with r1r2 and hinge are steady; bce is the classic; wasserstein needs the penalty gp; "
        "flow has no discriminator",
    ),
    "objective.label_noise": (
        "Label noise",
        "A little (0.1) helps against a discriminator that wins; much blurs what is learnt",
    ),
    "objective.critic_steps": ("Discriminator steps", "1 is usual; 5 for wasserstein; more take longer"),
    "objective.shared_latents": ("Reuse generated pictures", "On: faster; off: a little more variety"),
    "objective.separate_steps": ("Separate steps", "Leave off unless you follow a paper; on takes longer"),
    "objective.fakes_batchnorm": ("Normalisation of generated pictures", "train is usual; inference is rarely better"),
    "flow.prediction": ("What the network guesses", "picture learns faster in few minutes; velocity is the classic"),
    "flow.loss": ("What counts as an error", "velocity draws sharper details, picture smoother ones"),
    "flow.clamp": ("Least noise that counts", "0.05 is usual; smaller values let the last details rule the loss"),
    "flow.time_mean": ("Noise learnt most", "-0.6 suits short runs: shapes first; 0 or more gives details more time"),
    "flow.time_spread": ("Spread of the noise learnt", "0.8 to 1 are usual; much less leaves out shapes or details"),
    "flow.solver": ("How samples are drawn", "dpm-solver++ draws better in fewer steps; euler is for older runs"),
    "flow.steps": ("Steps for each sample", "24 are plenty with dpm-solver++; 6 are quick and a little blurred"),
    "flow.grid_steps": ("Steps while training", "4 to 8 keep training fast; final samples take more"),
    "flow.class_drop": ("Class not told", "0.1 is usual; 0 if samples are never pushed towards their class"),
    "flow.guidance": ("Pull towards the class", "1 is none; 1.5 to 3 make classes plainer and samples more alike"),
    "regulariser.kind": (
        "Gradient penalty",
        "r1 or r1r2 keep training calm; gp belongs to wasserstein; none is fastest but may explode",
    ),
    "regulariser.weight": ("Penalty weight", "Too small: losses jump or explode; too large: training crawls"),
    "regulariser.weight_end": ("Penalty weight at the end", "A tenth of the first sharpens details; 0 may explode"),
    "regulariser.every": ("Penalty every", "1 is steadiest; 4 to 16 are faster"),
    "augmentation.probability": (
        "Share of changed pictures",
        "Helps with few sprites, which the discriminator memorises; with thousands, less is better",
    ),
    "augmentation.probability_end": (
        "Share at the end",
        "-1 keeps the share; a rise from 0 learns shapes first, and guards against copying later",
    ),
    "augmentation.after_views": (
        "Only after",
        "0 changes pictures from the start; about 100 lets short runs learn them as they are, and guards long ones",
    ),
    "augmentation.translation": ("Shift", "0.05 to 0.125 helps with few sprites; more may move the samples too"),
    "augmentation.brightness": ("Brightness", "0.2 helps with few sprites; much more makes samples pale or dark"),
    "augmentation.saturation": ("Saturation", "0.2 helps with few sprites; much more makes colours wrong"),
    "augmentation.contrast": ("Contrast", "0.2 helps with few sprites; much more makes samples flat or harsh"),
    "augmentation.cutout": ("Hidden square", "0 is safest; above 0.2 holes may appear in the samples"),
    "augmentation.mirror": (
        "Mirror",
        "Good for sprites that face the front; bad where all face one way and should",
    ),
    "augmentation.rotation": ("Quarter turns", "Leave off for sprites that stand upright; good for tiles and items"),
    "augmentation.adaptive": ("Adaptive", "On if you do not know how much is needed; off for the fixed share above"),
    "augmentation.target": ("Adaptive target", "0.6 is usual; lower changes more pictures"),
    "augmentation.ceiling": ("Adaptive limit", "0.8 is usual; near 1 the changes show up in the samples"),
    "optimiser.lr_g": (
        "Learning rate, generator",
        "Too high: losses jump and samples flicker; too low: samples hardly change",
    ),
    "optimiser.lr_d": (
        "Learning rate, discriminator",
        "Lower it when the discriminator's loss goes to 0; raise it when samples stay blurred",
    ),
    "optimiser.beta1": ("Adam beta1", "0 to 0.5 suit GANs; 0.9 often makes the losses swing"),
    "optimiser.beta2": ("Adam beta2", "0.9 to 0.999 are usual; lower reacts faster but is less steady"),
    "optimiser.eps": ("Adam epsilon", "Leave as it is, unless training ends with NaN"),
    "optimiser.clip": ("Longest gradient", "0 for GANs; 5 keeps a flow from being thrown off by one odd step"),
    "schedule.kind": (
        "Learning rates over time",
        "cosine gives cleaner last samples; cool-down too, and until it begins the limit can be moved freely; constant "
        "can go on for ever",
    ),
    "schedule.cooldown": ("Cool-down", "0.2 is usual; much shorter leaves samples restless, much longer learns less"),
    "schedule.end_factor": ("Rates at the end", "0.1 to 0.3 calm the last samples; 0 stops learning early"),
    "schedule.step_factor": ("Step factor", "0.5 halves the rates each time; much less stops learning early"),
    "schedule.step_every": ("Step every", "A few steps in the whole run; many stop learning early"),
    "schedule.beta2_end": ("Adam beta2 at the end", "0.99 or more steadies the end; 0 leaves it alone"),
    "schedule.warmup": ("Warm-up", "0 for GANs; 100 calms the first steps of a flow"),
    "ema.enabled": ("Average the generator", "On: calmer, cleaner samples; off: every wobble is seen"),
    "ema.half_life": ("Average over", "Tens of thousands suit long runs; too many lag behind in short ones"),
    "ema.ramp": ("Average at the start", "0.05 lets early samples keep up; 0 shows noise for longer"),
    "ema.post_hoc": (
        "Choose the average afterwards",
        "On: the width that draws best is found after training; larger checkpoints, 1 % slower",
    ),
    "precision.kind": ("Number format", "auto is best; fp32 if bf16 makes the losses jump"),
    "precision.channels_last": ("Channels last", "auto is best; it changes speed only"),
    "precision.cuda_graphs": ("CUDA graphs", "auto is best; off if the graphics card runs out of memory"),
    "precision.winograd": ("Fast convolutions (Winograd)", "auto is best; it changes speed only"),
    "precision.tf32": ("TF32", "convolutions is fast and safe; off is exact and slow"),
    "precision.threads": ("CPU threads", "0 is best; fewer leave the machine free for other work"),
    "batch.size": ("Batch", "16 to 64 suit sprites; larger steps are steadier, but slower and need more memory"),
    "batch.micro": ("At once", "0 unless memory runs out; then half the batch, or less"),
    "batch.sampler": ("Order of pictures", "shuffled is best; fixed only tests whether one batch can be learnt"),
    "sampling.every": ("Samples every", "About a hundred times in a run; very many fill the disk"),
    "sampling.count": ("Samples in a grid", "36 to 64 give a fair impression; few may mislead"),
    "sampling.snap": (
        "Clean the background",
        "15 to 20 removes the last specks of noise around samples; much more eats light colours. 0 leaves them raw",
    ),
    "sampling.checkpoint_every": ("Checkpoint every", "More often loses less after a crash; each takes time and disk"),
    "sampling.checkpoint_minutes": ("Checkpoint at least every", "5 minutes is the most a crash can lose then"),
    "sampling.keep": ("Checkpoints kept", "3 is enough to go on; more let you draw from earlier moments"),
    "sampling.milestones": ("Keep for good every", "Larger saves disk; 0 keeps only the newest and the best"),
    "sampling.progress_every": ("Curves every", "20 looks live; much larger makes the curves lag"),
    "diagnostics.enabled": (
        "Diagnose while training",
        "On detects collapse and copying early; off saves its time",
    ),
    "diagnostics.share": (
        "Time for diagnoses",
        "0.03 is hardly felt; 0.1 looks more often, and alarms come sooner",
    ),
    "diagnostics.on_alarm": ("On an alarm", "notify while you watch; checkpoint or stop for nights"),
    "stop.iterations": (
        "Iterations",
        "Shapes appear after some thousand, details after tens of thousands",
    ),
    "stop.minutes": (
        "Minutes",
        "Two minutes show whether it learns at all; good samples take hours on a processor",
    ),
    "stop.images": ("Pictures", "Millions for good samples; use one of the three limits"),
}
"""A setting's dotted path -> a name for people, and what good and bad values look like ("" where nothing is chosen)."""

SECTIONS = {
    "": "The run",
    "data": "Pictures",
    "architecture": "Networks",
    "objective": "Losses",
    "flow": "Flow: from noise to pictures",
    "regulariser": "Gradient penalty",
    "augmentation": "Augmentation: changed pictures",
    "optimiser": "Learning",
    "schedule": "Learning over time",
    "ema": "Averaged generator (EMA)",
    "precision": "Speed",
    "batch": "Batch",
    "sampling": "Samples and checkpoints",
    "diagnostics": "Diagnostics",
    "stop": "When to stop",
}
"""A section of the settings -> a name for people."""


def setting_name(path: str) -> str:
    """A setting's name for people; for one without a name, its path in words: "stop.images_seen" -> "Images seen"."""
    if path in SETTINGS:
        return SETTINGS[path][0]
    words = path.rpartition(".")[2].replace("_", " ")
    return words[:1].upper() + words[1:]


def advice(path: str) -> str:
    """What good and bad values of a setting look like; "" for none."""
    return SETTINGS[path][1] if path in SETTINGS else ""
