-- What 0021 makes on sqlite, frozen: deliveries are found by their ticket when it goes for good.
CREATE INDEX intake_of_ticket ON intake (account_id, ticket_id);
