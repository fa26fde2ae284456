"""What is deployed beside the code: image, compose file, chart, alerts, dashboards, runbook."""
