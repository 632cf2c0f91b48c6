"""Hours: approved work reports of Intempus become project journal lines in Uniconta (rule M9)."""
