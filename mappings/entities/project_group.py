"""Project group: a case group in Intempus; goes there only when a project that uses it goes (rule M6).

Sources: Uniconta API page section 3 (ProjectGroupClient), Intempus API page 3.4 (case_group).
"""

from mappings.entities.group import declare_group

PROJECT_GROUP = declare_group(
    "project_group",
    "Project group (case group)",
    "Projektgruppe (sagsgruppe)",
    table="ProjectGroup",
    there="case_group",
)
