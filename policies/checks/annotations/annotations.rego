# METADATA
# title: Annotations
# description: >-
#   Holds the policies to their own house rules. The input is the list of modules as `opa parse
#   --json-include locations` prints them; each finding is a sentence. An empty answer is a pass.
package checks.annotations

_codes := {"purpose_not_registered", "access_denied", "aggregate_required", "column_denied"}

_fields := {"code", "reason", "source", "remedy", "title_ja", "description_ja", "remedy_ja"}

# METADATA
# title: No module to check
# description: A check over nothing must not pass.
deny contains "no module was given to the check" if count(input) == 0

# METADATA
# title: Package without title and description
# description: Each package says what it is about.
deny contains finding if {
	some module in input
	not _described(object.get(module, "annotations", []), "package")
	finding := sprintf("%s: the package has no METADATA with title and description", [_package(module)])
}

# METADATA
# title: Public rule without title and description
# description: Each name that another package may read says what it means.
deny contains finding if {
	some module in input
	some name in _public(module)
	bodies := [rule | some rule in module.rules; rule.head.name == name]
	every rule in bodies {
		not _described(object.get(rule, "annotations", []), _scope(rule))
	}
	finding := sprintf("%s: %s has no METADATA with title and description", [_package(module), name])
}

# METADATA
# title: Refusal without title and description
# description: Each deny rule has METADATA of its own, not only the first.
deny contains finding if {
	some [module, rule] in _refusals
	not _described(object.get(rule, "annotations", []), "rule")
	finding := sprintf("%s:%d: a deny rule without title and description", [_package(module), rule.location.row])
}

# METADATA
# title: Refusal without a field
# description: >-
#   Each deny rule states its code, its reason, the article it stands on and what would help; it speaks Japanese too.
deny contains finding if {
	some [module, rule] in _refusals
	some field in _fields
	object.get(_custom(rule), field, "") == ""
	finding := sprintf("%s:%d: a deny rule without custom.%s", [_package(module), rule.location.row, field])
}

# METADATA
# title: Unknown code
# description: The error codes are those of the contract.
deny contains finding if {
	some [module, rule] in _refusals
	not _custom(rule).code in _codes
	finding := sprintf("%s:%d: custom.code is not a code of the contract", [_package(module), rule.location.row])
}

# METADATA
# title: METADATA beside the answer
# description: What the rule answers is what its METADATA says.
deny contains finding if {
	some [module, rule] in _refusals
	_answer(rule) != {"code": object.get(_custom(rule), "code", ""), "reason": object.get(_custom(rule), "reason", "")}
	finding := sprintf("%s:%d: the rule answers another code or reason than its METADATA", [
		_package(module),
		rule.location.row,
	])
}

# METADATA
# title: Reason used twice
# description: A reason names one rule.
deny contains finding if {
	reasons := [_custom(rule).reason | some [_, rule] in _refusals]
	some reason in reasons
	count([1 | some other in reasons; other == reason]) > 1
	finding := sprintf("the reason %s is used by more than one rule", [reason])
}

# METADATA
# title: Refusals that nobody gathers
# description: Each package that can refuse is imported by the entry point, which fails on unused imports.
deny contains finding if {
	refusing := {_package(module) | some [module, _] in _refusals}
	some name in (refusing - _gathered)
	finding := sprintf("%s: its refusals are not gathered by data.sekisho.access", [name])
}

# METADATA
# title: Time without an end
# description: >-
#   A package that reads input.now says in ends from when it may answer otherwise, and data.sekisho.access gathers it;
#   else a decision would be kept beyond its time.
deny contains finding if {
	some module in input
	_package(module) != "data.sekisho.access"
	_reads_time(module)
	not "ends" in {rule.head.name | some rule in module.rules}
	finding := sprintf("%s: it reads input.now and names no ends", [_package(module)])
}

# METADATA
# title: Ends that nobody gathers
# description: What a package says of its end reaches the answer.
deny contains finding if {
	some module in input
	"ends" in {rule.head.name | some rule in module.rules}
	not _gathers_ends(_package(module))
	finding := sprintf("%s: its ends are not gathered by data.sekisho.access", [_package(module)])
}

_reads_time(module) if {
	walk(module.rules, [_, term])
	term.type == "ref"
	term.value[0].value == "input"
	term.value[1].value == "now"
}

_gathers_ends(name) if {
	some module in input
	_package(module) == "data.sekisho.access"
	walk(module.rules, [_, term])
	term.type == "ref"
	term.value[1].value == "ends"
	endswith(name, concat("", [".", term.value[0].value]))
}

_gathered := {concat(".", [part.value | some part in imported.path.value]) |
	some module in input
	_package(module) == "data.sekisho.access"
	some imported in module.imports
}

_refusals := {[module, rule] |
	some module in input
	some rule in module.rules
	rule.head.name == "deny"
}

_package(module) := concat(".", [part.value | some part in module["package"].path])

_public(module) := {rule.head.name |
	some rule in module.rules
	not startswith(rule.head.name, "_")
	rule.head.name != "deny"
}

_described(annotations, scope) if {
	some annotation in annotations
	annotation.scope == scope
	object.get(annotation, "title", "") != ""
	object.get(annotation, "description", "") != ""
}

_scope(rule) := annotation.scope if {
	some annotation in rule.annotations
	annotation.scope in {"rule", "document"}
} else := "rule"

_custom(rule) := object.union_n([object.get(annotation, "custom", {}) |
	some annotation in object.get(rule, "annotations", [])
])

_answer(rule) := {pair[0].value: pair[1].value | some pair in rule.head.key.value}
