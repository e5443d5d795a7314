"""Scanners: one model of what a device can do, and a driver for each way to reach one."""
