"""Case state: a phase of Uniconta's list, made in Intempus when a project in that phase goes (rule M6).

States go one way only: one that somebody added in Intempus stands in the list of excluded records, and no project of
Uniconta can be in it. Sources: `mappings/phases.py`, Intempus API page 3.4 (case_state).
"""

from mappings.phases import PHASES
from mappings.spec import Attribute, Direction, Entity, Match, MatchRule, Side, System

CASE_STATE = Entity(
    name="case_state",
    label="Phase (case state)",
    label_da="Fase (sagsstatus)",
    uniconta=Side(
        System.UNICONTA,
        resource="Phase",
        id_field="Member",
        key_field="Member",
        name_field="Label",
        members=tuple({"Member": member, "Label": danish} for member, _, danish in PHASES),
    ),
    intempus=Side(
        System.INTEMPUS,
        resource="case_state",
        id_field="id",
        key_field="number",
        name_field="name",
        creation_id_field="creation_id",
        company_field="company",
    ),
    attributes=(
        Attribute("number", "Number", "Nummer", "Member", "number", Direction.TO_INTEMPUS, is_key=True),
        Attribute("name", "Name", "Navn", "Label", "name", Direction.TO_INTEMPUS),
    ),
    match=(MatchRule("number", "number"), MatchRule("name", "name", Match.PROPOSAL)),
    is_on_demand=True,
)
