#!/bin/sh
# A mapper: the first attempt of the first task hangs until heartline ends it; all others count words.
case $mapreduce_task_attempt_id in
*_m_000000_0) exec ./heartline run --no-heartbeat --stall-timeout 2s --on-stall kill -- sleep 100000 ;;
esac
exec ./wc-mapper "$@"
