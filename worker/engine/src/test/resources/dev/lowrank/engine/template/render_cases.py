"""Fills in what the transformers library renders for each case of cases.json: python render_cases.py cases.json

A case has a template and variables; this script writes "expected", or "fails": true where rendering is an error.
"""
import json
import sys

from transformers.utils.chat_template_utils import _compile_jinja_template

path = sys.argv[1]
with open(path, encoding="utf-8") as file:
    cases = json.load(file)
for case in cases:
    case.pop("expected", None)
    case.pop("fails", None)
    try:
        case["expected"] = _compile_jinja_template(case["template"]).render(**case.get("variables", {}))
    except Exception:
        case["fails"] = True
with open(path, "w", encoding="utf-8") as file:
    file.write("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")
