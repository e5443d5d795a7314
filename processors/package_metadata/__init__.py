"""What the layouts of packages share: submitted records, and documents as files."""
