"""The German texts that Dunlin ships.

They are history as soon as they are released: a better text is a new version in a new migration.
"""

from services.mailer.domain.templates import Areas, TemplateType

GERMAN_TEXTS = {
    TemplateType.DUE_NOTICE_BEFORE: Areas(
        subject="Rechnung {{ invoice.number }} ist {{ due.when }} fällig",
        title="{{ invoice.balance }} sind {{ due.when }} fällig",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>wir möchten Sie freundlich daran erinnern, dass die Rechnung"
            " <strong>{{ invoice.number }}</strong> {{ due.when }} fällig ist ({{ invoice.due_on }}). Offen"
            " sind noch {{ invoice.balance }}.</p>"
        ),
        footer=(
            "<p>Falls Ihre Zahlung schon unterwegs ist, vielen Dank. Dann brauchen Sie nichts weiter zu tun."
            " Wenn Sie Fragen zu dieser Rechnung haben, {{ company.reach_us }}. Wir helfen Ihnen gern.</p>"
        ),
    ),
    TemplateType.DUE_NOTICE_AFTER: Areas(
        subject="Rechnung {{ invoice.number }} ist {{ due.days_text }} überfällig",
        title="{{ invoice.balance }} sind {{ due.days_text }} überfällig",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>die Rechnung <strong>{{ invoice.number }}</strong> war am {{ invoice.due_on }} fällig und"
            " ist noch nicht vollständig bezahlt. Offen sind noch {{ invoice.balance }}; die Zahlung ist"
            " inzwischen {{ due.days_text }} überfällig.</p>"
            "<p>Bitte begleichen Sie den Betrag jetzt. Das dauert nur eine Minute.</p>"
        ),
        footer=(
            "<p>Falls Sie in den letzten Tagen bezahlt haben, hat sich diese Nachricht mit Ihrer Zahlung"
            " überschnitten, und Sie können sie ignorieren. Wenn Sie im Moment nicht zahlen können,"
            " {{ company.reach_us }}, damit wir gemeinsam eine Lösung finden.</p>"
        ),
    ),
    TemplateType.PAYMENT_SUCCEEDED: Areas(
        subject="Ihre Zahlung zur Rechnung {{ invoice.number }}: {{ payment.amount }}",
        title="Vielen Dank für Ihre Zahlung über {{ payment.amount }}",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>Ihre Zahlung zur Rechnung <strong>{{ invoice.number }}</strong> ist bei uns eingegangen."
            " Diese E-Mail ist Ihr Beleg. Bitte bewahren Sie sie auf.</p>"
        ),
        footer=(
            "<p>Wenn Sie diese Zahlung nicht veranlasst haben, {{ company.reach_us }}. Wir gehen der Sache"
            " nach.</p>"
        ),
    ),
    TemplateType.PAYMENT_FAILED: Areas(
        subject="Ihre Zahlung zur Rechnung {{ invoice.number }} ist fehlgeschlagen",
        title="Ihre Zahlung über {{ payment.amount }} ist fehlgeschlagen",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>Ihre Zahlung zur Rechnung <strong>{{ invoice.number }}</strong> konnte nicht ausgeführt"
            " werden: {{ payment.failure }}. Wir haben kein Geld eingezogen.</p>"
            "<p>Um es noch einmal zu versuchen, klicken Sie auf „Rechnung bezahlen“ und verwenden Sie"
            " dasselbe oder ein anderes Zahlungsmittel.</p>"
        ),
        footer=(
            "<p>Falls es wieder nicht klappt, kann Ihre Bank Ihnen vielleicht sagen, woran es liegt. Oder"
            " {{ company.reach_us }}, und wir finden einen anderen Weg.</p>"
        ),
    ),
    TemplateType.PAYMENT_SCHEDULED: Areas(
        subject="Zahlung am {{ payment.date }} geplant: Rechnung {{ invoice.number }}",
        title="{{ payment.amount }} werden am {{ payment.date }} abgebucht",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>Ihre Zahlung zur Rechnung <strong>{{ invoice.number }}</strong> ist geplant. Wir buchen"
            " {{ payment.amount }} am {{ payment.date }} ab, und Sie brauchen nichts weiter zu tun.</p>"
        ),
        footer=(
            "<p>Wenn Sie diese Zahlung ändern oder stornieren möchten, {{ company.reach_us }}, am besten noch"
            " vor diesem Tag.</p>"
        ),
    ),
    TemplateType.PAYMENT_RESCHEDULED: Areas(
        subject="Ihre geplante Zahlung zur Rechnung {{ invoice.number }} hat sich geändert",
        title="Ihre geplante Zahlung hat sich geändert",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>die geplante Zahlung zur Rechnung <strong>{{ invoice.number }}</strong> hat sich geändert."
            " {{ payment.change }} Sie brauchen nichts weiter zu tun.</p>"
        ),
        footer=(
            "<p>Wenn das nicht in Ihrem Sinne ist, {{ company.reach_us }}. Wir bringen es in Ordnung.</p>"
        ),
    ),
    TemplateType.PAYMENT_CANCELLED: Areas(
        subject="Ihre geplante Zahlung zur Rechnung {{ invoice.number }} wurde storniert",
        title="Ihre geplante Zahlung wurde storniert",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>die Zahlung über {{ payment.amount }} zur Rechnung <strong>{{ invoice.number }}</strong>,"
            " die für den {{ payment.date }} geplant war, wurde storniert. Wir buchen diesen Betrag nicht"
            " ab.</p>"
            "<p>Falls zu dieser Rechnung noch ein Betrag offen ist, bleibt er fällig.</p>"
        ),
        footer="<p>Wenn Sie das nicht erwartet haben, {{ company.reach_us }}.</p>",
    ),
    TemplateType.METHOD_FAILED: Areas(
        subject="Bitte prüfen Sie Ihr Zahlungsmittel: {{ method.label }}",
        title="Ihr Zahlungsmittel kann nicht verwendet werden",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>Ihr bei uns hinterlegtes Zahlungsmittel <strong>{{ method.name }}</strong> kann nicht"
            " verwendet werden: {{ method.failure }}. Zahlungen damit schlagen fehl, bis Sie es ersetzt"
            " haben.</p>"
            "<p>Bitte hinterlegen Sie in unserem Kundenportal ein neues Zahlungsmittel. Das dauert nur eine"
            " Minute.</p>"
        ),
        footer="<p>Wenn Sie Fragen haben oder Hilfe brauchen, {{ company.reach_us }}.</p>",
    ),
    TemplateType.WELCOME: Areas(
        subject="Ihre Einladung zum Kundenportal von {{ company.name }}",
        title="Willkommen in unserem Kundenportal",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>{{ company.name }} lädt Sie zum Kundenportal ein. Dort sehen Sie die Rechnungen für"
            " {{ organization.name }} und können sie jederzeit bezahlen.</p>"
            "<p>Klicken Sie auf „Konto anlegen“, um Ihr Passwort festzulegen. Der Link gilt"
            " {{ access.valid_for }} und funktioniert nur einmal.</p>"
        ),
        footer=(
            "<p>Falls der Link abgelaufen ist, {{ company.reach_us }}. Wir senden Ihnen gern einen neuen."
            " Wenn Sie diese Einladung nicht erwartet haben, können Sie sie ignorieren.</p>"
        ),
    ),
    TemplateType.PASSWORD_RESET: Areas(
        subject="Neues Passwort für das Kundenportal von {{ company.name }}",
        title="Legen Sie ein neues Passwort fest",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>für Ihr Konto im Kundenportal von {{ company.name }} wurde ein neues Passwort angefordert."
            " Klicken Sie auf „Passwort festlegen“. Der Link gilt {{ access.valid_for }} und funktioniert"
            " nur einmal.</p>"
        ),
        footer=(
            "<p>Wenn Sie kein neues Passwort möchten, können Sie diese E-Mail ignorieren; Ihr Passwort bleibt"
            " dann, wie es ist. Falls Sie solche E-Mails immer wieder bekommen, {{ company.reach_us }}.</p>"
        ),
    ),
    TemplateType.ACCOUNT_SUMMARY: Areas(
        subject="Ihr Kundenkonto bei {{ company.name }} am {{ summary.date }}",
        title="Kontoübersicht",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>hier ist der Stand des Kundenkontos von {{ organization.name }} am {{ summary.date }}."
            " {{ summary.sentence }}</p>"
        ),
        footer=(
            "<p>Falls Sie schon bezahlt haben, vielen Dank. Zahlungen der letzten Tage sind hier vielleicht"
            " noch nicht berücksichtigt. Wenn Sie Fragen haben, {{ company.reach_us }}.</p>"
        ),
    ),
    TemplateType.INVOICE: Areas(
        subject="Rechnung {{ invoice.number }} von {{ company.name }}: {{ invoice.balance }}",
        title="Rechnung {{ invoice.number }}",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>hier ist die Rechnung <strong>{{ invoice.number }}</strong> von {{ company.name }}. Offen"
            " sind {{ invoice.balance }}; alles Weitere finden Sie unten.</p>"
        ),
        footer=(
            "<p>Wenn Sie Fragen zu dieser Rechnung haben, {{ company.reach_us }}. Vielen Dank für Ihr"
            " Vertrauen!</p>"
        ),
    ),
    TemplateType.UPCOMING_PAYMENTS: Areas(
        subject="Demnächst: {{ payments.count }}, {{ payments.total }}",
        title="Demnächst: {{ payments.count }}",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>wir möchten Ihnen rechtzeitig Bescheid geben: {{ payments.sentence }} Sie brauchen nichts"
            " weiter zu tun.</p>"
        ),
        footer=("<p>Wenn etwas nicht stimmt, {{ company.reach_us }}, am besten noch vor der Abbuchung.</p>"),
    ),
    TemplateType.METHOD_EXPIRING: Areas(
        subject="Ihre Karte läuft bald ab: {{ method.label }}",
        title="Ihre Karte läuft Ende {{ method.expires }} ab",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>Ihre bei uns hinterlegte Karte <strong>{{ method.name }}</strong> läuft Ende"
            " {{ method.expires }} ab. Danach schlagen Zahlungen mit ihr fehl.</p>"
            "<p>Bitte ersetzen Sie die Karte rechtzeitig in unserem Kundenportal, damit Ihre Zahlungen ohne"
            " Unterbrechung weiterlaufen.</p>"
        ),
        footer="<p>Wenn Sie Fragen haben oder Hilfe brauchen, {{ company.reach_us }}.</p>",
    ),
    TemplateType.METHOD_EXPIRED: Areas(
        subject="Ihre Karte ist abgelaufen: {{ method.label }}",
        title="Ihre Karte ist abgelaufen",
        header=(
            "<p>Guten Tag {{ contact.name }},</p>"
            "<p>Ihre bei uns hinterlegte Karte <strong>{{ method.name }}</strong> ist Ende"
            " {{ method.expires }} abgelaufen; Zahlungen mit ihr schlagen fehl.</p>"
            "<p>Bitte ersetzen Sie die Karte in unserem Kundenportal, oder löschen Sie sie dort, wenn Sie"
            " sie nicht mehr brauchen.</p>"
        ),
        footer=(
            "<p>Bis die Karte ersetzt oder gelöscht ist, erinnern wir Sie einmal in der Woche daran. Wenn"
            " Sie Fragen haben oder Hilfe brauchen, {{ company.reach_us }}.</p>"
        ),
    ),
}
