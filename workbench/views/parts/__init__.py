"""What the pages share: frame, tables, pictures, charts, jobs and words."""
