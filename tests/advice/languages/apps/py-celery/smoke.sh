. "$(dirname "$0")/../../smoke_lib.sh"
sm_prep
cat > $SM_M/tmp/ask.py <<'P'
import os, subprocess, sys, time
worker = subprocess.Popen(sys.argv[1:])
sys.path.insert(0, os.getcwd())
from jobs.tasks import add
time.sleep(4)
print("celery says", add.delay(2, 40).get(timeout=25), flush=True)
os.kill(worker.pid, 9)
P
mapfile -t words < <(jq -r '.Cmd[]' /tmp/smoke.$$.json)
o=$(unshare --mount --pid --fork --kill-child timeout 60 python3 "$C/rootrun.py" $SM_M /tmp/smoke.$$.json -- python3 /tmp/ask.py "${words[@]}" 2>&1)
echo "$o" | tail -40; echo "$o" | grep -q 'celery says 42'
