"""Dagster's states and ticks of schedules and sensors, whose import loads its views of remote code."""

from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, InstigatorType, TickStatus

__all__ = ["InstigatorState", "InstigatorTick", "InstigatorType", "TickStatus"]
