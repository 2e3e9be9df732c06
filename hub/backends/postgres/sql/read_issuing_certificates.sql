select fingerprint, der from issuing_certificates order by fingerprint
