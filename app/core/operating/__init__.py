"""What an operator meets: the server, the management port, health, metrics, logs, the doctor."""
