//! What is a fault, what is not, and what cannot be told.
