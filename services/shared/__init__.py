"""What every service needs and that knows no business: errors, databases, facts, gRPC, processes."""
