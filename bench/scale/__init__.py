"""What a fleet of servers does with many clients and many versions."""
