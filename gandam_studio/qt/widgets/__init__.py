"""What several screens show: pictures of sprites, grids, plots and text from outside."""
