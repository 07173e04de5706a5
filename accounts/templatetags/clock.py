"""Template filters that put dates and times into the clinic's words."""

from django import template

from accounts import clock

register = template.Library()
for _name in (
    "clock_time month_day long_date full_date written_date short_date long_when sms_date sms_time sms_when in_days local".split()
):
    register.filter(_name, getattr(clock, _name))
register.filter("stop", clock.ended)
