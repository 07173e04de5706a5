"""Template filters of the screens for people who work here."""

from django import template

from booking.hours import short_time
from staff.board import board_time

register = template.Library()
register.filter("board_time", board_time)
register.filter("short_time", short_time)
