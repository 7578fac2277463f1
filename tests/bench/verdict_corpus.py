"""A folder of labelled series (labels.csv, data/*.csv.gz): reading it, running verdict_alarms over it, scoring by the corpus' own rules.

A leak is found when an alarm falls between onset and exhaustion; an alarm before the onset, and any on a `noleak` series, is false; `unknown` is counted apart.
tests/bench/verdict compares the figures made here with those of the corpus' `score`, run with the executable."""
import collections, csv, gzip, math, os, pathlib, statistics, struct, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
EPOCH = 1_700_000_000  # as `score` has it
BYTES = {"bytes": 1, "KiB": 1024, "KB": 1000, "MiB": 1 << 20, "MB": 1_000_000}
LIMIT = {"percent": 100.0, "ratio": 1.0}
METHODS = ["storewatch", "static", "predict", "mksen", "lbr"]
PROCESSES = os.cpu_count() or 1


def die(text):
    sys.exit(f"tests/bench/verdict: {text}")


def write_set(folder, path):
    """The series of a folder into the form that verdict_alarms reads; returns their labels in that order."""
    labels = {r["series_id"]: r for r in csv.DictReader((folder / "labels.csv").open(newline=""))}
    order = []
    with path.open("wb") as out:
        def flush(sid, rows):
            if sid in labels:
                r = labels[sid]
                factor = BYTES.get(r["unit"])
                unit = 0 if factor else 1 if r["unit"] == "count" else 2
                out.write(struct.pack("<iid", len(rows), unit, LIMIT.get(r["unit"], math.nan)))
                # Rounded as `score` writes them.
                out.write(b"".join(struct.pack("<qd", int(f"{EPOCH + float(t):.3f}".replace(".", "")), float(f"{float(v) * (factor or 1):.10g}") if v else math.nan)
                                   for t, v in rows))
                order.append(r)
        for name in sorted({r["file"] for r in labels.values()}):
            with gzip.open(folder / "data" / (name + ".gz"), "rt", newline="") as f:
                sid, points = None, []
                next(f)
                for line in f:
                    s, t, v = line.rstrip("\r\n").split(",")
                    if s != sid:
                        flush(sid, points)
                        sid, points = s, []
                    points.append((t, v))
                flush(sid, points)
    return order


def read_set(path):
    """The (unit, limit, [(milliseconds, value), ...]) of each series of a set."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        n, unit, limit = struct.unpack_from("<iid", data, at)
        at += 16
        yield unit, limit, list(struct.iter_unpack("<qd", data[at:at + 16 * n]))
        at += 16 * n


def jittered(points, rng, spread):
    period = points[1][0] - points[0][0]
    return sorted({int(t + rng.uniform(-0.3, 0.3) * period): v for t, v in points}.items())


# How else the same could have been recorded: changes of the points of a series, with its 5 to 95 % range.
CHANGES = {
    "as they are": lambda points, rng, spread: points,
    "every second sample": lambda points, rng, spread: points[::2],
    "every third": lambda points, rng, spread: points[::3],
    "a fifth lost at random": lambda points, rng, spread: [p for p in points if rng.random() >= 0.2],
    "a fifth lost, in stretches": lambda points, rng, spread: [p for i, p in enumerate(points) if i // max(1, len(points) // 40) % 5 != 4],
    "times off by up to 30 %": jittered,
    "noise of 5 % of the range": lambda points, rng, spread: [(t, v + rng.gauss(0, 0.05 * spread)) for t, v in points],
    "steps of 4 % of the range": lambda points, rng, spread: [(t, round(v / (0.04 * spread)) * 0.04 * spread if spread and not math.isnan(v) else v) for t, v in points],
    "without the first twentieth": lambda points, rng, spread: points[len(points) // 20:],
}


def change_set(path, out, change, rng):
    """The series of a set, changed, into another."""
    with out.open("wb") as f:
        for unit, limit, points in read_set(path):
            known = sorted(v for _, v in points if not math.isnan(v))
            points = change(points, rng, known[-1 - len(known) // 20] - known[len(known) // 20])
            f.write(struct.pack("<iid", len(points), unit, limit))
            f.write(b"".join(struct.pack("<qd", t, v) for t, v in points))


Answer = collections.namedtuple("Answer", "alarms state reason")


def alarms(path, count, methods, program="build/bench/verdict_alarms", tuned=None):
    """{method: [Answer of each series]}; all processors work."""
    out = {m: [None] * count for m in methods}
    runs = []
    for k in range(PROCESSES):
        env = dict(os.environ, PART=f"{k}/{PROCESSES}", TUNED=",".join(map(str, tuned or [])))
        runs.append(subprocess.Popen([str(ROOT / program), str(path), *methods], stdout=subprocess.PIPE, text=True, env=env))
    for run in runs:
        for line in run.stdout:
            number, method, times, state, reason = line.rstrip("\n").split("\t")
            out[method][int(number)] = Answer([int(x) / 1000 - EPOCH for x in times.split(",") if x], state, reason)
        if run.wait():
            die(f"{program} failed")
    if any(a is None for answers in out.values() for a in answers):
        die(f"{program}: no answer for a series")
    return out


def windows(label):
    return list(zip(map(float, label["leak_start_s"].split(";")), map(float, label["leak_end_s"].split(";"))))


def poisson_upper(count):
    """95 % upper bound of a Poisson mean after `count` events (Wilson-Hilferty)."""
    k = count + 1
    return k * (1 - 1 / (9 * k) + 1.6449 / (3 * math.sqrt(k))) ** 3


class Tally:
    """Counts over series, by group."""

    def __init__(self):
        self.groups = collections.defaultdict(collections.Counter)
        self.delays, self.failures = [], []

    def add(self, label, answer, group):
        g = self.groups[group]
        kind = label["kind"]
        g[kind] += 1
        if kind == "leak":
            spans = windows(label)
            found = [(t - b) / (e - b) for b, e in spans for t in answer.alarms if b <= t <= e]
            early = any(t < spans[0][0] for t in answer.alarms)
            g["found"] += bool(found)
            g["false"] += early
            if found:
                self.delays.append(100 * min(found))
            what = "missed leak" if not found else "alarm before the leak" if early else None
        else:
            g["years"] += float(label["duration_s"]) / (365 * 86400) if kind == "noleak" else 0
            g["alarms"] += len(answer.alarms) if kind == "noleak" else 0
            g["false" if kind == "noleak" else "unknown alarmed"] += bool(answer.alarms)
            what = {"noleak": "false alarm", "unknown": "alarm on unknown"}[kind] if answer.alarms else None
        if what:
            self.failures.append((what, label, answer))

    def total(self, only=None):
        return sum((g for name, g in self.groups.items() if only is None or name in only), collections.Counter())

    def figures(self, only=None):
        t = self.total(only)
        per_group = [g["found"] / g["leak"] for name, g in self.groups.items() if g["leak"] and (only is None or name in only)]
        d = sorted(self.delays)
        return dict(f1_of(t), macro=statistics.fmean(per_group) if per_group else math.nan, share=100 * t["false"] / t["noleak"] if t["noleak"] else math.nan,
                    per_year=t["alarms"] / t["years"] if t["years"] else math.nan, upper=poisson_upper(t["alarms"]) / t["years"] if t["years"] else math.nan,
                    delay=statistics.median(d) if d else math.nan, p90=d[int(0.9 * (len(d) - 1))] if d else math.nan, **{k.replace(" ", "_"): t[k] for k in ("unknown", "unknown alarmed")})


def f1_of(t):
    precision, recall = t["found"] / max(1, t["found"] + t["false"]), t["found"] / max(1, t["leak"])
    return dict(f1=2 * precision * recall / max(1e-9, precision + recall), precision=precision, recall=recall)


def tally(labels, answers, group=lambda label: label["file"].removesuffix(".csv")):
    out = Tally()
    for label, answer in zip(labels, answers):
        out.add(label, answer, group(label))
    return out
