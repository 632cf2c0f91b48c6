"""Names of remote fields that hold a secret or a personal number: never mapped, never stored."""

import re

PRIVATE_NAME = re.compile(
    r".*password|.*passwd|pwd|pass_?code|.*secret.*|.*token|.*api_?key|apikey|authorization|pin|pin_?code"
    # The CPR number under the names of both systems (PersonalId, cpr_number), and what people call their own fields.
    r"|.*personal_?(id|nr|number).*|.*cpr.*|.*person_?(nr|nummer|number).*|.*social_?security.*|ssn",
    re.IGNORECASE,
)
