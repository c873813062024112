"""The German texts as releases up to the eighth migration shipped them.

They stay as they are, for databases that are there have them: what changes later is a migration.
"""

from services.mailer.migrations.english import Texts

GERMAN: Texts = {
    "due_notice_before": (
        "Rechnung {{ invoice.number }} ist {{ due.when }} fällig",
        "{{ invoice.balance }} sind {{ due.when }} fällig",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>wir möchten Sie freundlich daran erinnern, "
            "dass die Rechnung <strong>{{ invoice.number }}</strong> {{ due.when }} fällig ist ({{ "
            "invoice.due_on }}). Offen sind noch {{ invoice.balance }}.</p>"
        ),
        (
            "<p>Falls Ihre Zahlung schon unterwegs ist, vielen Dank. Dann brauchen Sie nichts "
            "weiter zu tun. Wenn Sie Fragen zu dieser Rechnung haben, {{ company.reach_us }}. Wir "
            "helfen Ihnen gern.</p>"
        ),
    ),
    "due_notice_after": (
        "Rechnung {{ invoice.number }} ist {{ due.days_text }} überfällig",
        "{{ invoice.balance }} sind {{ due.days_text }} überfällig",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>die Rechnung <strong>{{ invoice.number "
            "}}</strong> war am {{ invoice.due_on }} fällig und ist noch nicht vollständig "
            "bezahlt. Offen sind noch {{ invoice.balance }}; die Zahlung ist inzwischen {{ "
            "due.days_text }} überfällig.</p><p>Bitte begleichen Sie den Betrag jetzt. Das dauert "
            "nur eine Minute.</p>"
        ),
        (
            "<p>Falls Sie in den letzten Tagen bezahlt haben, hat sich diese Nachricht mit Ihrer "
            "Zahlung überschnitten, und Sie können sie ignorieren. Wenn Sie im Moment nicht zahlen "
            "können, {{ company.reach_us }}, damit wir gemeinsam eine Lösung finden.</p>"
        ),
    ),
    "payment_succeeded": (
        "Ihre Zahlung zur Rechnung {{ invoice.number }}: {{ payment.amount }}",
        "Vielen Dank für Ihre Zahlung über {{ payment.amount }}",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>Ihre Zahlung zur Rechnung <strong>{{ "
            "invoice.number }}</strong> ist bei uns eingegangen. Diese E-Mail ist Ihr Beleg. Bitte "
            "bewahren Sie sie auf.</p>"
        ),
        (
            "<p>Wenn Sie diese Zahlung nicht veranlasst haben, {{ company.reach_us }}. Wir gehen "
            "der Sache nach.</p>"
        ),
    ),
    "payment_failed": (
        "Ihre Zahlung zur Rechnung {{ invoice.number }} ist fehlgeschlagen",
        "Ihre Zahlung über {{ payment.amount }} ist fehlgeschlagen",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>Ihre Zahlung zur Rechnung <strong>{{ "
            "invoice.number }}</strong> konnte nicht ausgeführt werden: {{ payment.failure }}. Wir "
            "haben kein Geld eingezogen.</p><p>Um es noch einmal zu versuchen, klicken Sie auf "
            "„Rechnung bezahlen“ und verwenden Sie dasselbe oder ein anderes Zahlungsmittel.</p>"
        ),
        (
            "<p>Falls es wieder nicht klappt, kann Ihre Bank Ihnen vielleicht sagen, woran es "
            "liegt. Oder {{ company.reach_us }}, und wir finden einen anderen Weg.</p>"
        ),
    ),
    "payment_scheduled": (
        "Zahlung am {{ payment.date }} geplant: Rechnung {{ invoice.number }}",
        "{{ payment.amount }} werden am {{ payment.date }} abgebucht",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>Ihre Zahlung zur Rechnung <strong>{{ "
            "invoice.number }}</strong> ist geplant. Wir buchen {{ payment.amount }} am {{ "
            "payment.date }} ab, und Sie brauchen nichts weiter zu tun.</p>"
        ),
        (
            "<p>Wenn Sie diese Zahlung ändern oder absagen möchten, {{ company.reach_us }}, am "
            "besten noch vor diesem Tag.</p>"
        ),
    ),
    "payment_rescheduled": (
        "Ihre geplante Zahlung zur Rechnung {{ invoice.number }} hat sich geändert",
        "Ihre geplante Zahlung hat sich geändert",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>die geplante Zahlung zur Rechnung <strong>{{ "
            "invoice.number }}</strong> hat sich geändert. {{ payment.change }} Sie brauchen "
            "nichts weiter zu tun.</p>"
        ),
        ("<p>Wenn das nicht in Ihrem Sinne ist, {{ company.reach_us }}. Wir bringen es in Ordnung.</p>"),
    ),
    "payment_cancelled": (
        "Ihre geplante Zahlung zur Rechnung {{ invoice.number }} wurde abgesagt",
        "Ihre geplante Zahlung wurde abgesagt",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>die Zahlung über {{ payment.amount }} zur "
            "Rechnung <strong>{{ invoice.number }}</strong>, die für den {{ payment.date }} "
            "geplant war, wurde abgesagt. Wir buchen diesen Betrag nicht ab.</p><p>Falls von "
            "der Rechnung noch ein Betrag offen ist, bleibt er fällig.</p>"
        ),
        "<p>Wenn Sie das nicht erwartet haben, {{ company.reach_us }}.</p>",
    ),
    "method_failed": (
        "Bitte prüfen Sie Ihr Zahlungsmittel: {{ method.label }}",
        "Ihr Zahlungsmittel kann nicht verwendet werden",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>Ihr bei uns hinterlegtes Zahlungsmittel "
            "<strong>{{ method.name }}</strong> kann nicht verwendet werden: {{ method.failure }}. "
            "Zahlungen damit schlagen fehl, bis Sie es ersetzt haben.</p><p>Bitte hinterlegen Sie "
            "in unserem Kundenportal ein neues Zahlungsmittel. Das dauert nur eine Minute.</p>"
        ),
        "<p>Wenn Sie Fragen haben oder Hilfe brauchen, {{ company.reach_us }}.</p>",
    ),
    "welcome": (
        "Ihre Einladung zum Kundenportal von {{ company.name }}",
        "Willkommen in unserem Kundenportal",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>{{ company.name }} lädt Sie in das Kundenportal "
            "ein. Dort sehen Sie die Rechnungen für {{ organization.name }} und können sie "
            "jederzeit bezahlen.</p><p>Klicken Sie auf „Konto anlegen“, um Ihr Passwort "
            "festzulegen. Der Link gilt {{ access.valid_for }} und funktioniert nur einmal.</p>"
        ),
        (
            "<p>Falls der Link abgelaufen ist, {{ company.reach_us }}. Wir senden Ihnen gern einen "
            "neuen. Wenn Sie diese Einladung nicht erwartet haben, können Sie sie ignorieren.</p>"
        ),
    ),
    "password_reset": (
        "Neues Passwort für das Kundenportal von {{ company.name }}",
        "Legen Sie ein neues Passwort fest",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>für Ihr Konto im Kundenportal von {{ "
            "company.name }} wurde ein neues Passwort angefordert. Klicken Sie auf „Passwort "
            "festlegen“. Der Link gilt {{ access.valid_for }} und funktioniert nur einmal.</p>"
        ),
        (
            "<p>Wenn Sie kein neues Passwort möchten, können Sie diese E-Mail ignorieren; Ihr "
            "Passwort bleibt dann, wie es ist. Falls Sie solche E-Mails immer wieder bekommen, {{ "
            "company.reach_us }}.</p>"
        ),
    ),
    "account_summary": (
        "Ihr Kundenkonto bei {{ company.name }} am {{ summary.date }}",
        "Kontoübersicht",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>hier ist der Stand des Kundenkontos von {{ "
            "organization.name }} am {{ summary.date }}. {{ summary.sentence }}</p>"
        ),
        (
            "<p>Falls Sie schon bezahlt haben, vielen Dank. Zahlungen der letzten Tage sind hier "
            "vielleicht noch nicht berücksichtigt. Wenn Sie Fragen haben, {{ company.reach_us }}.</p>"
        ),
    ),
    "invoice": (
        "Rechnung {{ invoice.number }} von {{ company.name }}: {{ invoice.balance }}",
        "Rechnung {{ invoice.number }}",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>hier ist die Rechnung <strong>{{ "
            "invoice.number }}</strong> von {{ company.name }}. Offen sind {{ invoice.balance }}; "
            "alles Weitere finden Sie unten.</p>"
        ),
        (
            "<p>Wenn Sie Fragen zu dieser Rechnung haben, {{ company.reach_us }}. Vielen Dank für "
            "Ihr Vertrauen!</p>"
        ),
    ),
    "upcoming_payments": (
        "Demnächst: {{ payments.count }}, {{ payments.total }}",
        "Demnächst: {{ payments.count }}",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>wir möchten Ihnen rechtzeitig Bescheid geben: "
            "{{ payments.sentence }} Sie brauchen nichts weiter zu tun.</p>"
        ),
        "<p>Wenn etwas nicht stimmt, {{ company.reach_us }}, am besten noch vor der Abbuchung.</p>",
    ),
    "method_expiring": (
        "Ihre Karte läuft bald ab: {{ method.label }}",
        "Ihre Karte läuft Ende {{ method.expires }} ab",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>Ihre bei uns hinterlegte Karte <strong>{{ "
            "method.name }}</strong> läuft Ende {{ method.expires }} ab. Danach schlagen Zahlungen "
            "mit ihr fehl.</p><p>Bitte ersetzen Sie die Karte rechtzeitig in unserem Kundenportal, "
            "damit Ihre Zahlungen ohne Unterbrechung weiterlaufen.</p>"
        ),
        "<p>Wenn Sie Fragen haben oder Hilfe brauchen, {{ company.reach_us }}.</p>",
    ),
    "method_expired": (
        "Ihre Karte ist abgelaufen: {{ method.label }}",
        "Ihre Karte ist abgelaufen",
        (
            "<p>Guten Tag {{ contact.name }},</p><p>Ihre bei uns hinterlegte Karte <strong>{{ "
            "method.name }}</strong> ist Ende {{ method.expires }} abgelaufen; Zahlungen mit ihr "
            "schlagen fehl.</p><p>Bitte ersetzen Sie die Karte in unserem Kundenportal, oder "
            "löschen Sie sie dort, wenn Sie sie nicht mehr brauchen.</p>"
        ),
        (
            "<p>Bis die Karte ersetzt oder gelöscht ist, erinnern wir Sie einmal in der Woche "
            "daran. Wenn Sie Fragen haben oder Hilfe brauchen, {{ company.reach_us }}.</p>"
        ),
    ),
}
