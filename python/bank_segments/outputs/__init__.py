"""What people see: charts, conclusions, deck, dashboard and pages; none of them imports another."""
