"""Products and prices, on their own or made from the `price_data` of a line."""

from __future__ import annotations

from typing import Any

from sandbox.stripe import money
from sandbox.stripe.account import Account, Object, merged_metadata
from sandbox.stripe.errors import BadRequest, missing
from sandbox.stripe.operations import Call, Operation, listing, retrieve, update


def price_of(account: Account, line: dict[str, Any], path: str) -> tuple[Object, Object]:
    """The price and the product of one line. Raises BadRequest."""
    if "price" in line:
        price = account.get("price", line["price"], param=f"{path}[price]")
        return price, account.get("product", price["product"])
    if "price_data" not in line:
        raise BadRequest(f"You must specify either `price` or `price_data` for {path}.", param=path)
    data, path = line["price_data"], f"{path}[price_data]"
    if "currency" not in data:
        raise missing(f"{path}[currency]")
    if "recurring" in data:
        message = (
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode"
        )
        raise BadRequest(f"{message} or use only one-time prices.", param=path)
    if "product" in data:
        product = account.get("product", data["product"], param=f"{path}[product]")
    elif "product_data" in data:
        product = new_product(account, **data["product_data"])
    else:
        raise missing(f"{path}[product]")
    fields = {name: data[name] for name in ("tax_behavior",) if name in data}
    amount = unit_amount(data, f"{path}[unit_amount]")
    currency = money.check_currency(data["currency"], f"{path}[currency]")
    return new_price(account, product, currency, amount, active=False, **fields), product


def unit_amount(data: dict[str, Any], path: str) -> int:
    if "unit_amount" not in data:
        raise missing(path)
    if data["unit_amount"] < 0:
        raise BadRequest("Invalid non-negative integer", param=path, code="parameter_invalid_integer")
    return int(data["unit_amount"])


def new_product(account: Account, **fields: Any) -> Object:
    fields["metadata"] = merged_metadata({}, fields.get("metadata"))
    defaults: Object = {
        "active": True,
        "default_price": None,
        "description": None,
        "images": [],
        "marketing_features": [],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "unit_label": None,
        "updated": account.now(),
        "url": None,
        "type": "service",
    }
    return account.new("product", **{**defaults, **fields})


def new_price(account: Account, product: Object, currency: str, amount: int, **fields: Any) -> Object:
    defaults = {
        "active": True,
        "billing_scheme": "per_unit",
        "currency": currency,
        "custom_unit_amount": None,
        "lookup_key": None,
        "nickname": None,
        "product": product["id"],
        "recurring": None,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    return account.new("price", **{**defaults, **fields})


def _create_product(call: Call) -> Object:
    names = (
        "active",
        "description",
        "images",
        "name",
        "statement_descriptor",
        "tax_code",
        "unit_label",
        "url",
    )
    product = new_product(call.account, metadata=call.metadata(), **call.pick(*names))
    call.account.emit("product.created", product)
    return product


def _create_price(call: Call) -> Object:
    currency = money.check_currency(call.params["currency"])
    if "recurring" in call.params:
        raise BadRequest("The stand-in has no subscriptions.", param="recurring")
    if "product_data" in call.params:
        product = new_product(call.account, **call.params["product_data"])
    else:
        call.need("product")
        product = call.account.get("product", call.params["product"], param="product")
    fields = call.pick("active", "lookup_key", "nickname", "tax_behavior")
    amount = unit_amount(call.params, "unit_amount")
    price = new_price(call.account, product, currency, amount, metadata=call.metadata(), **fields)
    call.account.emit("price.created", price)
    return price


OPERATIONS = [
    Operation("POST", "/products", "ProductCreateParams", _create_product),
    listing("/products", "product", "ProductListParams", active="active"),
    retrieve("/products", "product", "ProductRetrieveParams"),
    update("/products", "product", "ProductUpdateParams", "product.updated", "active", "description", "name"),
    Operation("POST", "/prices", "PriceCreateParams", _create_price),
    listing("/prices", "price", "PriceListParams", active="active", product="product", currency="currency"),
    retrieve("/prices", "price", "PriceRetrieveParams"),
    update("/prices", "price", "PriceUpdateParams", "price.updated", "active", "nickname", "tax_behavior"),
]
