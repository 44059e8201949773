INSERT INTO item (name, price) VALUES ('book', 20), ('lamp', 70);
