"""What search engines and other sites are told about a page: its address, and what it is about (schema.org)."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts.models import Clinic
from booking.models import Practitioner

CONTEXT = "https://schema.org"


def address_of(url_path: str) -> str:
    """The address of a page for the world outside, from where it hangs in the tree of pages."""
    return settings.SITE_URL + "/" + url_path.lstrip("/").partition("/")[2]


def clinic_facts() -> dict[str, Any]:
    """The clinic: who, where, which number."""
    clinic = Clinic.current()
    return {
        "@context": CONTEXT,
        "@type": "MedicalClinic",
        "name": clinic.name,
        "url": settings.SITE_URL + "/",
        "telephone": clinic.tel,
        "address": {
            "@type": "PostalAddress",
            "streetAddress": ", ".join(part for part in (clinic.street, clinic.unit) if part),
            "addressLocality": clinic.city,
            "addressRegion": clinic.region_code,
            "postalCode": clinic.postal_code,
            "addressCountry": "CA",
        },
    }


def physician_facts(person: Practitioner) -> dict[str, Any]:
    """A physician as a person who works here; the page shows no more than this."""
    return {
        "@context": CONTEXT,
        "@type": "Person",
        "name": person.name,
        "url": settings.SITE_URL + reverse("articles:physician", args=[person.slug]),
        "jobTitle": person.role_text or "Physician",
        "identifier": {"@type": "PropertyValue", "propertyID": "CPSO", "value": person.registration_number},
        "worksFor": {"@type": "MedicalClinic", "name": Clinic.current().name, "url": settings.SITE_URL + "/"},
    }


def article_facts(article: Any) -> dict[str, Any]:
    """An article: who wrote it, who reviewed it and when; health information is judged by that."""
    facts = {
        "@context": CONTEXT,
        "@type": "MedicalWebPage",
        "headline": article.title,
        "description": article.search_description or article.summary,
        "url": address_of(article.url_path),
        "inLanguage": "en-CA",
        "author": {"@type": "Person", "name": article.author},
        "publisher": {"@type": "MedicalClinic", "name": Clinic.current().name, "url": settings.SITE_URL + "/"},
    }
    if article.reviewer and article.reviewed_on:
        facts["reviewedBy"] = {"@type": "Person", "name": article.reviewer.name, "honorificSuffix": "MD"}
        facts["lastReviewed"] = article.reviewed_on.isoformat()
    if article.last_published_at:
        facts["dateModified"] = article.last_published_at.date().isoformat()
    return facts
