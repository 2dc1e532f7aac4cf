"""The steps of a shop's workflows: checkout, invoices, payments, accounts, the nightly report."""
