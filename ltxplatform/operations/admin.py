"""Staff must not reach django-q2's own screens: a schedule calls any function it names."""

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success

admin.site.unregister([Failure, OrmQ, Schedule, Success])
