"""User accounts and groups: administrators only. What a person may do for a company is a membership, not a group."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User

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


class UserMembershipInline(SuperuserOnlyMixin, TenantTabularInline):
    model = Membership
    fields = ["tenant", "role", "until"]


@admin.register(User)
class UserAdmin(SuperuserOnlyMixin, DjangoUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = [UserMembershipInline]
    list_display = ["username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser"]


@admin.register(Group)
class GroupAdmin(SuperuserOnlyMixin, DjangoGroupAdmin, ModelAdmin):
    pass
