"""Receipts and invoices to look at, and to download as PDF."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from starlette.responses import Response

from sandbox.stripe.account import Account, Object
from sandbox.stripe.html import lines_table, page
from sandbox.stripe.money import shown


def day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%d %B %Y")


def receipt(account: Account, charge: Object) -> Response:
    """A charge and what has been refunded of it."""
    details = charge["payment_method_details"]
    last4 = details[details["type"]]["last4"]
    refunds = account.store.find("refund", {"charge": charge["id"], "status": "succeeded"})
    rows = "".join(
        f"<p>Refunded {shown(one['amount'], one['currency'])} on {day(one['created'])}</p>" for one in refunds
    )
    text = (
        f"<p>{shown(charge['amount'], charge['currency'])} paid on {day(charge['created'])}"
        f" with the card or account ending in {last4}.</p>"
        f"<p>{escape(charge['description'] or '')}</p>{rows}<p>Reference {charge['id']}</p>"
    )
    return page("Receipt", text)


def invoice(item: Object) -> Response:
    tax = sum(one["amount"] for one in item["total_taxes"])
    total = shown(item["total"], item["currency"])
    payer = escape(item["customer_name"] or item["customer_email"] or "")
    head = f"<p>Issued on {day(item['created'])} to {payer}.</p>"
    lines = lines_table(item["lines"]["data"], total, tax=tax, currency=item["currency"])
    foot = f'<p>{escape(item["description"] or "")}</p><p><a href="{item["invoice_pdf"]}">Download as PDF</a></p>'
    return page(f"Invoice {item['number']}", f"{head}{lines}<p>Status: {item['status']}</p>{foot}")


def invoice_pdf(item: Object) -> Response:
    lines = [f"Invoice {item['number']}", f"Issued on {day(item['created'])}", ""]
    lines += [
        f"{line['quantity']} x {line['description']}: {line['amount'] / 100:.2f} {line['currency'].upper()}"
        for line in item["lines"]["data"]
    ]
    lines += ["", f"Total: {item['total'] / 100:.2f} {item['currency'].upper()}", f"Status: {item['status']}"]
    name = f'attachment; filename="Invoice-{item["number"]}.pdf"'
    return Response(pdf(lines), media_type="application/pdf", headers={"Content-Disposition": name})


def pdf(lines: list[str]) -> bytes:
    """One page of plain text: the smallest document that viewers open."""
    text = "".join(f"({_pdf_string(line)}) Tj T* " for line in lines)
    content = f"BT /F1 12 Tf 16 TL 72 760 Td {text}ET".encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, item in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    start = len(out)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def _pdf_string(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
