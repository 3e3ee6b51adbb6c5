"""Learning curves from tables of cells: means, intervals, ranks. No framework is imported."""
