"""What the gateway says about itself: OpenAPI of both faces, served and kept in the documentation."""
