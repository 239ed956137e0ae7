"""Every component as a template tag or filter; a builtin of our templates, so pages load nothing."""

from django import template

from ltxplatform.components import actions, data, feedback, fields, icons, media, overlays

register = template.Library()

for family in (actions, data, feedback, fields, icons, media, overlays):
    register.tags.update(family.register.tags)
    register.filters.update(family.register.filters)
