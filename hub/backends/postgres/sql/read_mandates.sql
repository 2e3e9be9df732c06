select mailbox, root, valid_from, valid_to from mandates where valid_to is null or valid_to > now()
