"""Counts the test cases of a JUnit file: prints "passed failed skipped", and the failed ones to stderr."""
import sys
import xml.etree.ElementTree as tree

try:
    cases = list(tree.parse(sys.argv[1]).iter("testcase"))
except (OSError, tree.ParseError) as error:
    sys.exit(f"{sys.argv[1]}: {error}")
failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
skipped = [case for case in cases if case not in failed and case.find("skipped") is not None]
for case in failed:
    print("FAILED:", case.get("classname"), case.get("name"), file=sys.stderr)
print(len(cases) - len(failed) - len(skipped), len(failed), len(skipped))
