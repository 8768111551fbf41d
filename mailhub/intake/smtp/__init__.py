"""The SMTP and LMTP doors, on aiosmtpd's protocol class."""
