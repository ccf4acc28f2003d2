#!/bin/sh
# Outlives the test process by moments: when the pipe on stdin closes, whatever still runs in $1 is ended, and $1 removed.
# Every process of a Postgres server has the data folder as its working directory, so that is how they are found.
folder=$1
# A guard: only ever a folder that the launcher made.
case "$folder" in */owed-postgres-*) ;; *) exit 1 ;; esac

cat >/dev/null

found() {
  for link in /proc/[0-9]*/cwd; do
    case "$(readlink "$link" 2>/dev/null)" in
      "$folder"/*) process=${link#/proc/}; echo "${process%/cwd}" ;;
    esac
  done
}

# An immediate shutdown first, since it gives shared memory back; frozen processes must be thawed to obey it.
for round in 1 2 3 4 5 6 7 8 9 10; do
  processes=$(found)
  [ -z "$processes" ] && break
  if [ "$round" -lt 8 ]; then kill -QUIT $processes 2>/dev/null; else kill -KILL $processes 2>/dev/null; fi
  kill -CONT $processes 2>/dev/null
  sleep 0.3
done
rm -rf "$folder"
