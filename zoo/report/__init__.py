"""Tables, figures, REPORT.md and report.html from a results folder."""
