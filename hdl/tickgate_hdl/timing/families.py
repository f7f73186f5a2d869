"""fam.py NETLIST [N] [START_RE] [END_RE]: path families of a Yosys ECP5 netlist by estimated delay."""
import json, re, sys
from collections import defaultdict
net = json.load(open(sys.argv[1]))["modules"]["top"]
N = int(sys.argv[2]) if len(sys.argv) > 2 else 60
SRE = re.compile(sys.argv[3] if len(sys.argv) > 3 else "."); ERE = re.compile(sys.argv[4] if len(sys.argv) > 4 else ".")
WIRE, LUT, CARRY, SETUP = 0.75, 0.24, 0.45, 0.1
name = {}
for n, e in sorted(net["netnames"].items(), key=lambda i: (bool(i[1].get("hide_name")), len(i[0]))):
    for i, b in enumerate(e["bits"]):
        name.setdefault(b, n)
COMB = {"LUT4", "PFUMX", "L6MUX21", "CCU2C"}
driver, ends, start = {}, [], {}
for cn, c in net["cells"].items():
    t = c["type"]; con = c["connections"]; d = c["port_directions"]
    outs = [(p, b) for p in con if d[p] == "output" for b in con[p] if isinstance(b, int)]
    ins = [(p, b) for p in con if d[p] == "input" for b in con[p] if isinstance(b, int)]
    if t in COMB or (t == "TRELLIS_DPR16X4"):
        if t == "CCU2C":
            cin = [b for p, b in ins if p == "CIN"]; lo = [b for p, b in ins if p.endswith("0")]; hi = [b for p, b in ins if p.endswith("1")]
            for p, b in outs:
                driver[b] = (t, p, cn, cin, lo if p == "S0" else lo + hi)
        elif t == "TRELLIS_DPR16X4":
            ra = [b for p, b in ins if p == "RAD"]
            for p, b in outs: driver[b] = ("LUT4", p, cn, [], ra)
            for p, b in ins:
                if p not in ("RAD", "WCK"): ends.append((b, cn, p))
        else:
            for p, b in outs: driver[b] = (t, p, cn, [], [x for _, x in ins])
    else:
        clk = {"CLK", "CLKA", "CLKB", "CLK0", "CLK1", "CLK2", "CLK3"}
        if t == "MULT18X18D" and not any("REG_" in k and "CLK" in k and str(v) != "NONE" for k, v in c["parameters"].items()):
            for p, b in outs: driver[b] = ("MULT", p, cn, [], [x for q, x in ins if q not in clk])
            continue
        q0 = 0.52 if t == "TRELLIS_FF" else (1.0 if t == "MULT18X18D" else 1.9)
        for p, b in outs: start[b] = (q0, cn, t)
        for p, b in ins:
            if p not in clk: ends.append((b, cn, p))
sys.setrecursionlimit(100000)
memo = {}
def arr(b):
    """(delay, hops, prev)"""
    if b in memo: return memo[b]
    memo[b] = (0, 0, None)
    if b in start: r = (start[b][0], 0, None)
    elif b in driver:
        t, p, cn, cin, rest = driver[b]
        best = (0, 0, None)
        for x in cin:
            a = arr(x)
            if a[0] + 0.06 > best[0]: best = (a[0] + (0.06 if p == "COUT" else 0.4), a[1], x)
        step = {"LUT4": (WIRE + LUT, 1), "PFUMX": (0.2, 0), "L6MUX21": (0.2, 0), "CCU2C": (WIRE + CARRY, 1), "MULT": (WIRE + 3.5, 1)}[t]
        for x in rest:
            a = arr(x); s = step
            if t in ("PFUMX", "L6MUX21") and (x in start): s = (WIRE + .2, 1)
            if a[0] + s[0] > best[0]: best = (a[0] + s[0], a[1] + s[1], x)
        r = best
    else: r = (0.5, 0, None)
    memo[b] = r
    return r
def norm(s):
    s = re.sub(r"_(TRELLIS_FF|CCU2C|LUT4|PFUMX|L6MUX21|TRELLIS_DPR16X4|DP16KD|MULT18X18D)_.*$", "", s)
    s = re.sub(r"^dut\.", "", s); s = re.sub(r"\[\d+\]|\.\d+\.\d+\.\d+$", "", s)
    return re.sub(r"\d+", "#", s)
def trace(b):
    p = [name.get(b, str(b))]
    while True:
        prev = memo[b][2]
        if prev is None: break
        b = prev; p.append(name.get(b, str(b)))
    return b, p[::-1]
fam = {}
cnt = defaultdict(int)
for b, cn, p in ends:
    a = arr(b)
    d = a[0] + WIRE + SETUP
    s, path = trace(b)
    sn = norm(start[s][1]) if s in start else "?"
    if start.get(s, (0, "", ""))[2] == "TRELLIS_FF": sn = norm(name.get(s, sn))
    k = (sn, norm(cn) + ("" if p in ("DI", "M") else "." + re.sub(r"\d+", "#", p)))
    if not SRE.search(k[0]) or not ERE.search(k[1]): continue
    if a[1] > 5 or d > 6.2: cnt[k] += 1
    if k not in fam or fam[k][0] < d: fam[k] = (d, a[1], path)
long = sorted(fam.items(), key=lambda i: -i[1][0])
print(f"{sum(1 for k, v in long if v[1] > 5)} families over 5 hops, {sum(1 for k,v in long if v[0] > 6.4)} over 6.4 ns by estimate, {len(long)} in all; late endpoints {sum(cnt.values())}")
for (s, e), (d, h, path) in long[:N]:
    mids = [re.sub(r"^dut\.", "", p) for p in path[1:] if not re.search(r"_(LUT4|PFUMX|CCU2C|L6MUX21)_", p) and not p.isdigit()]
    print(f"{d:5.2f} {h:2d} hops x{cnt[(s, e)]:<4d} {s} -> {e}   [{' '.join(dict.fromkeys(mids))[:140]}]")
