-- What 0026 makes on postgresql, frozen: the domains that an account may have addresses in.
CREATE TABLE mail_domain (
    account_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    domain TEXT NOT NULL,
    token TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    PRIMARY KEY (account_id, domain)
);
