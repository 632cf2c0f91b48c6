"""User accounts and groups: administrators only. What a person may do for a company is a membership, not a group."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenants.admin.audit import audit
from tenants.admin.base import (
    AdminPasswordChangeForm,
    ModelAdmin,
    SuperuserOnlyMixin,
    TenantTabularInline,
    UserChangeForm,
    UserCreationForm,
)
from tenants.models import Membership

admin.site.unregister(User)
admin.site.unregister(Group)
# What allauth keeps is each person's own, or a secret; its pages know nothing of rights.
for foreign in ("emailaddress", "socialaccount", "socialapp", "socialtoken", "authenticator", "usersession"):
    for model in [each for each in admin.site._registry if each._meta.model_name == foreign]:  # noqa: SLF001
        admin.site.unregister(model)


class UserMembershipInline(SuperuserOnlyMixin, TenantTabularInline):
    model = Membership
    fields = ["tenant", "role", "until"]


@admin.register(User)
class UserAdmin(SuperuserOnlyMixin, DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = [UserMembershipInline]
    actions = ["remove_second_factor"]
    list_display = ["username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser"]

    @admin.action(description=_("Remove the second factor"))
    def remove_second_factor(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """For who lost telephone and recovery codes: they set up a new one at the next log-in."""
        for user in users:
            Authenticator.objects.filter(user=user).delete()
            audit(request, None, "second_factor_removed", user.get_username())
        messages.success(request, gettext("Whoever needs a second factor sets up a new one at the next log-in."))


@admin.register(Group)
class GroupAdmin(SuperuserOnlyMixin, DjangoGroupAdmin, ModelAdmin):
    pass
