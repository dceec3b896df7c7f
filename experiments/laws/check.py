"""Verify the specs of this folder in one call, and hold what comes out to what each spec says to expect.

    python3 experiments/laws/check.py target/release/gaugebias [SPEC.toml …] [flags for verify]

A spec says so at its top, `# expected VARIANT: LAW agrees, OTHER disagrees`. Exit status 1 where a verdict is another one.
"""

import json
import pathlib
import subprocess
import sys
import time

FOLDER = pathlib.Path(__file__).parent


def expected(text):
    """[(variant, law, verdict), …]"""
    found = []
    for line in text.splitlines():
        if line.startswith("# expected"):
            variant, laws = line.removeprefix("# expected").split(":", 1)
            for law in laws.split(","):
                name, verdict = law.strip().rsplit(" ", 1)
                found.append((variant.strip(), name, verdict))
    return found


def verdicts(report):
    """{law: (verdict, distance)}"""
    found = {report["law"]: (report["verdict"], report["ks"])}
    found.update({other["law"]: (other["verdict"], other["ks"]) for other in report["alternatives"]})
    return found


def title_of(text):
    return next(line for line in text.splitlines() if line.startswith("title")).split('"')[1]


def main(program, *flags):
    named = [pathlib.Path(flag) for flag in flags if flag.endswith(".toml")]
    paths = named or sorted(FOLDER.glob("*.toml"))
    flags = [flag for flag in flags if not flag.endswith(".toml")]
    started = time.monotonic()
    command = [program, "verify", *map(str, paths), "--json", *flags]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout
    seconds = time.monotonic() - started
    reports = {report["title"]: report for report in map(json.loads, output.splitlines())}
    wrong = 0
    for path in paths:
        text = path.read_text()
        for variant, law, wanted in expected(text):
            title = title_of(text) + (f"/{variant}" if variant else "")
            report = reports.get(title)
            verdict, distance = verdicts(report).get(law, ("missing", float("nan"))) if report else ("missing", float("nan"))
            wrong += verdict != wanted
            samples = report["effective_samples"] if report else 0
            mark = "" if verdict == wanted else f"  WRONG, expected {wanted}"
            print(f"{title:48} {law:20} KS {distance:.4f}  {verdict:10} {samples:9.0f}{mark}")
    print(f"{len(reports)} reports in {seconds:.0f} s, {wrong} verdicts are not those expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
