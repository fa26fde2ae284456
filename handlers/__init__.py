"""A batch's way: intake, recall, run, record, publish."""
