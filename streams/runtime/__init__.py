"""What every role shares: lifecycle, log, role files, fatal errors."""
