"""The screens between "I want a visit" and "I was there", one module each. The paths that lead to them: booking.urls."""
