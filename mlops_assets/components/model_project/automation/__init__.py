"""What runs by itself: automation conditions, sensors, schedules and jobs."""
