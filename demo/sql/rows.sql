-- The shop's rows, made from nothing but hashes: the same every time, on every PostgreSQL from 15 on.
-- `shop.scale` is set before; 1 means 12,000 customers. The shop's last day is 30 June 2026.
-- Nobody in here exists: mail domains are .example (RFC 2606), phone numbers lie in the ranges that regulators
-- set aside for fiction where there are such, and every IBAN has the check digits 00, which none can have.

CREATE FUNCTION pg_temp.scaled(rows integer) RETURNS integer IMMUTABLE LANGUAGE sql AS
$$ SELECT greatest(1, (rows * current_setting('shop.scale')::numeric)::integer) $$;

-- A number in [0, 1) for row n; each column has a salt of its own.
CREATE FUNCTION pg_temp.roll(n bigint, salt integer) RETURNS float8 IMMUTABLE LANGUAGE sql AS
$$ SELECT (hashint8extended(n, salt) & 1073741823)::float8 / 1073741824 $$;

CREATE FUNCTION pg_temp.pick(choices text[], n bigint, salt integer) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT choices[1 + floor(pg_temp.roll(n, salt) * cardinality(choices))::integer] $$;

-- The same, but early choices come up more often.
CREATE FUNCTION pg_temp.lean(choices text[], n bigint, salt integer) RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT choices[1 + floor(pg_temp.roll(n, salt) ^ 1.4 * cardinality(choices))::integer] $$;

-- Midnight of a day, and an hour of it when people shop: lunch, and above all the evening.
CREATE FUNCTION pg_temp.shopping_hour(day date, n bigint, salt integer) RETURNS timestamptz IMMUTABLE LANGUAGE sql AS
$$ SELECT (day + make_interval(
       hours => ('{0,6,7,8,9,9,10,10,11,12,12,12,13,13,14,15,16,17,17,18,18,19,19,19,20,20,20,20,21,21,21,22,22,23}'
                 ::integer[])[1 + floor(pg_temp.roll(n, salt) * 34)::integer],
       secs => floor(pg_temp.roll(n, salt + 1) * 3600))) AT TIME ZONE 'UTC' $$;

CREATE TEMPORARY TABLE locale (
    country text, share_from float8, share_to float8,
    given text[], family text[], towns text[], streets text[], address text, phone text, mail text[]
) ON COMMIT DROP;

INSERT INTO locale VALUES
('DE', 0.00, 0.31,
 '{Anna,Lukas,Marie,Jonas,Lena,Felix,Sophie,Paul,Katharina,Maximilian,Julia,Sebastian,Laura,Tobias,Claudia,Stefan,Jürgen,Sabine,Michael,Petra,Ayşe,Mehmet,Hannah,Leon,Mia,Finn,Emma,Niklas,Franziska,Moritz,Birgit,Uwe}',
 '{Müller,Schmidt,Schneider,Fischer,Weber,Meyer,Wagner,Becker,Schulz,Hoffmann,Koch,Bauer,Richter,Klein,Wolf,Schröder,Neumann,Schwarz,Zimmermann,Braun,Krüger,Hofmann,Hartmann,Lange,Krause,Lehmann,Yılmaz,Kaya,Vogel,Friedrich,Günther,Keller,Jansen,Voigt}',
 '{10115/Berlin,10435/Berlin,20095/Hamburg,22765/Hamburg,80331/München,80799/München,50667/Köln,60311/Frankfurt am Main,70173/Stuttgart,04109/Leipzig,01067/Dresden,28195/Bremen,44135/Dortmund,90402/Nürnberg,79098/Freiburg,48143/Münster,69117/Heidelberg,24103/Kiel}',
 '{Lindenstraße,Hauptstraße,Gartenstraße,Bahnhofstraße,Schillerstraße,Goethestraße,Bergstraße,Kastanienallee,Mühlenweg,Rosenweg,Am Stadtpark,Schulstraße}',
 '%1$s %2$s', '+49 171 39200%s', '{posthaus.example,mailbox-de.example,briefkasten.example}'),
('FR', 0.31, 0.48,
 '{Camille,Lucas,Léa,Hugo,Chloé,Louis,Manon,Nathan,Inès,Gabriel,Sarah,Jules,Élodie,Thomas,Nathalie,Philippe,Isabelle,Laurent,Aurélie,Mathieu,Zoé,Yanis,Juliette,Raphaël,Céline,Antoine}',
 '{Martin,Bernard,Dubois,Thomas,Robert,Richard,Petit,Durand,Leroy,Moreau,Simon,Laurent,Lefebvre,Michel,Garcia,David,Bertrand,Roux,Vincent,Fournier,Morel,Girard,André,Mercier,Dupont,Lambert,Bonnet,François,Benali,Chevalier}',
 '{75003/Paris,75011/Paris,75018/Paris,69002/Lyon,13001/Marseille,31000/Toulouse,06000/Nice,44000/Nantes,67000/Strasbourg,34000/Montpellier,33000/Bordeaux,59000/Lille,35000/Rennes,38000/Grenoble}',
 '{rue de la République,rue Victor Hugo,avenue Jean Jaurès,rue des Lilas,place du Marché,rue Pasteur,boulevard Voltaire,rue du Moulin,allée des Tilleuls,rue Saint-Michel}',
 '%2$s %1$s', '+33 6 39 98 00 %s', '{courriel.example,laposte-fr.example}'),
('GB', 0.48, 0.65,
 '{Olivia,George,Amelia,Harry,Isla,Oliver,Emily,Jack,Sophia,Charlie,Grace,Thomas,Freya,James,Margaret,David,Susan,Peter,Priya,Arjun,Aisha,Mohammed,Eleanor,Alfie,Charlotte,Callum}',
 '{Smith,Jones,Taylor,Brown,Williams,Wilson,Johnson,Davies,Patel,Robinson,Wright,Thompson,Evans,Walker,White,Roberts,Green,Hall,Wood,Jackson,Clarke,Khan,Hughes,Edwards,Hill,Begum,Moore,Campbell,Murray,Fraser}',
 '{SW4 7AA/London,E8 3RL/London,N16 8BX/London,M1 2WD/Manchester,B15 2TT/Birmingham,LS6 2AB/Leeds,EH3 9QG/Edinburgh,G12 8QQ/Glasgow,BS6 5DQ/Bristol,CF10 1EP/Cardiff,NE1 4ST/Newcastle,OX4 1UT/Oxford,BN1 1AE/Brighton}',
 '{High Street,Station Road,Church Lane,Victoria Road,Mill Lane,Park Avenue,Queens Road,The Green,Albert Street,Elm Grove}',
 '%2$s %1$s', '+44 7700 9001%s', '{postroom.example,inbox-uk.example}'),
('US', 0.65, 0.78,
 '{Emma,Liam,Olivia,Noah,Ava,Ethan,Sofia,Mason,Isabella,Logan,Mia,Aiden,Harper,Jackson,Linda,Robert,Patricia,William,Maria,Carlos,Jasmine,Tyler,Madison,Wei,Grace,Daniel}',
 '{Smith,Johnson,Williams,Brown,Jones,Garcia,Miller,Davis,Rodriguez,Martinez,Hernandez,Lopez,Wilson,Anderson,Thomas,Taylor,Moore,Lee,Thompson,Harris,Clark,Lewis,Nguyen,Chen,Kim,Patel,Walker,Young,Allen,King}',
 '{11201/Brooklyn,10025/New York,94110/San Francisco,90026/Los Angeles,60614/Chicago,78704/Austin,98103/Seattle,97214/Portland,02139/Cambridge,80205/Denver,30307/Atlanta,19125/Philadelphia,55406/Minneapolis}',
 '{Maple Avenue,Oak Street,Washington Street,Cedar Lane,Park Avenue,2nd Street,Elm Street,Lake Drive,Sunset Boulevard,Hillside Road}',
 '%2$s %1$s', '+1 202 555 01%s', '{mailhouse.example,inbox-us.example}'),
('NL', 0.78, 0.87,
 '{Emma,Daan,Julia,Sem,Tess,Bram,Sanne,Lars,Fleur,Thijs,Lotte,Ruben,Anouk,Jeroen,Marieke,Pieter,Wilma,Kees,Femke,Noor}',
 '{de Jong,Jansen,de Vries,van den Berg,van Dijk,Bakker,Janssen,Visser,Smit,Meijer,de Boer,Mulder,de Groot,Bos,Vos,Peters,Hendriks,van Leeuwen,Dekker,Brouwer,El Amrani,Kok}',
 '{1012 AB/Amsterdam,1054 JG/Amsterdam,3011 AD/Rotterdam,2511 BT/Den Haag,3511 LX/Utrecht,5611 EC/Eindhoven,9712 CP/Groningen,6511 KL/Nijmegen,2312 ES/Leiden,2011 RC/Haarlem}',
 '{Kerkstraat,Dorpsstraat,Molenweg,Schoolstraat,Prinsengracht,Beatrixlaan,Stationsweg,Julianastraat,Nieuwstraat}',
 '%1$s %2$s', '+31 6 000000%s', '{brievenbus.example}'),
('SE', 0.87, 0.93,
 '{Alice,William,Maja,Oscar,Elsa,Hugo,Astrid,Erik,Ebba,Axel,Karin,Lars,Linnéa,Anders,Freja,Björn,Åsa,Nils}',
 '{Andersson,Johansson,Karlsson,Nilsson,Eriksson,Larsson,Olsson,Persson,Svensson,Gustafsson,Lindberg,Jönsson,Lindström,Bergström,Sjöberg,Håkansson,Ekström,Åberg}',
 '{111 29/Stockholm,118 26/Stockholm,411 08/Göteborg,211 22/Malmö,753 20/Uppsala,582 22/Linköping,222 21/Lund,903 26/Umeå}',
 '{Storgatan,Drottninggatan,Kungsgatan,Skolgatan,Vasagatan,Strandvägen,Björkvägen,Ringvägen}',
 '%1$s %2$s', '+46 70 17406%s', '{brevlada.example}'),
('ES', 0.93, 1.00,
 '{Lucía,Hugo,Martina,Mateo,Paula,Pablo,Carmen,Javier,Ana,Diego,Elena,Álvaro,Marta,Sergio,Núria,Jordi,Rocío,Iker,Begoña,Adrián}',
 '{García,Rodríguez,González,Fernández,López,Martínez,Sánchez,Pérez,Gómez,Martín,Jiménez,Ruiz,Hernández,Díaz,Moreno,Muñoz,Álvarez,Romero,Navarro,Torres,Ibáñez,Serra}',
 '{28004/Madrid,28012/Madrid,08003/Barcelona,08012/Barcelona,46001/Valencia,41001/Sevilla,48001/Bilbao,29005/Málaga,50001/Zaragoza,18001/Granada}',
 '{Calle Mayor,Calle de Alcalá,Avenida de la Constitución,Calle del Sol,Plaza de España,Carrer de Mallorca,Calle Real,Paseo de Gracia}',
 '%1$s %2$s', '+34 600 000 0%s', '{buzon.example}');

-- Customers came slowly at first, from January 2023 on.
INSERT INTO customers
SELECT id, given, family,
       -- Capitals are listed too: under the C locale lower() knows ASCII alone.
       translate(lower(given || '.' || family), 'äöüéèëêáàâíìîóòôúùûçñåøşıłğÄÖÜÉÅÁ ''', 'aoueeeeaaaiiiooouuucnaosilgaoueaa')
           || CASE WHEN namesake > 1 THEN namesake::text ELSE '' END || '@' || pg_temp.lean(mail, id, 11),
       CASE WHEN pg_temp.roll(id, 12) < 0.83 THEN format(phone, 20 + (hashint8extended(id, 13) & 63)) END,
       CASE WHEN pg_temp.roll(id, 14) < 0.91
            THEN date '2007-06-30' - (365.25 * 62 * pg_temp.roll(id, 15) ^ 1.4)::integer END,
       format(address, pg_temp.pick(streets, id, 16), 1 + floor(120 * pg_temp.roll(id, 17) ^ 1.7)),
       split_part(town, '/', 1), split_part(town, '/', 2),
       country, pg_temp.roll(id, 18) < 0.42,
       pg_temp.shopping_hour(date '2023-01-02' + floor(1272 * ((id - 1)::float8 / pg_temp.scaled(12000)) ^ 0.65)::integer, id, 19)
FROM (
    SELECT id, country, address, streets, phone, mail, given, family, town,
           row_number() OVER (PARTITION BY country, given, family ORDER BY id) AS namesake
    FROM (
        SELECT id, l.country, l.address, l.streets, l.phone, l.mail,
               pg_temp.lean(l.given, id, 2) AS given, pg_temp.lean(l.family, id, 3) AS family,
               pg_temp.lean(l.towns, id, 4) AS town
        FROM generate_series(1, pg_temp.scaled(12000)) AS id
        JOIN locale AS l ON pg_temp.roll(id, 1) >= l.share_from AND pg_temp.roll(id, 1) < l.share_to
    ) AS person
) AS named;

-- A household shop: eight shelves, ten things on each, in six variants.
INSERT INTO products
SELECT id, upper(left(category, 3)) || '-' || lpad((id * 7919 % 100000)::text, 5, '0'),
       thing || ', ' || variant, category,
       floor(base * (0.8 + 0.6 * pg_temp.roll(id, 101))) + 0.90,
       floor(400 * pg_temp.roll(id, 102) ^ 2)::integer, pg_temp.roll(id, 103) < 0.94
FROM (
    SELECT row_number() OVER (ORDER BY shelf.rank, things.rank, variants.rank) AS id, category, thing, variant, base
    FROM (VALUES
        (1, 'Kitchen', 38, '{Chef''s Knife,Cutting Board,Cast Iron Pan,Espresso Maker,Mixing Bowl,Salad Spinner,Pepper Mill,Saucepan,Bread Box,Storage Jar}',
            '{oak,walnut,black,steel,small,large}'),
        (2, 'Table', 29, '{Dinner Plate,Soup Bowl,Wine Glass,Carafe,Cutlery Set,Espresso Cup,Serving Tray,Linen Napkin,Tablecloth,Cake Stand}',
            '{white,sand,slate blue,moss,set of four,set of six}'),
        (3, 'Bedroom', 74, '{Duvet Cover,Pillow,Wool Blanket,Fitted Sheet,Bedside Lamp,Quilt,Mattress Topper,Clothes Stand,Alarm Clock,Bedspread}',
            '{ivory,dusk,fern,terracotta,single,double}'),
        (4, 'Bathroom', 24, '{Bath Towel,Hand Towel,Bath Mat,Soap Dish,Shower Caddy,Mirror,Laundry Basket,Toothbrush Mug,Bathrobe,Wall Hook}',
            '{white,anthracite,sage,bamboo,S,L}'),
        (5, 'Lighting', 96, '{Desk Lamp,Floor Lamp,Pendant,Wall Light,String Lights,Reading Light,Lantern,Night Light,Spotlight,Table Lamp}',
            '{brass,black,white,smoked glass,opal,dimmable}'),
        (6, 'Garden', 47, '{Watering Can,Planter,Pruning Shears,Folding Chair,Parasol,Fire Bowl,Raised Bed,Bird Feeder,Hammock,Garden Hose}',
            '{zinc,terracotta,olive,teak,compact,XL}'),
        (7, 'Office', 58, '{Desk Organiser,Monitor Stand,Notebook,Fountain Pen,Pinboard,Document Tray,Desk Pad,Bookend,Wall Calendar,Filing Box}',
            '{cork,felt grey,birch,navy,A5,A4}'),
        (8, 'Travel', 82, '{Weekender,Washbag,Backpack,Travel Mug,Neck Pillow,Packing Cube,Passport Holder,Umbrella,Suitcase,Luggage Tag}',
            '{black,cognac,forest,ink,cabin size,medium}')
    ) AS shelf (rank, category, base, names, kinds),
    LATERAL unnest(names::text[]) WITH ORDINALITY AS things (thing, rank),
    LATERAL unnest(kinds::text[]) WITH ORDINALITY AS variants (variant, rank)
) AS catalogue;

-- Early customers became regulars and order most, and many order before Christmas 2025.
CREATE TEMPORARY TABLE draft ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY placed_at, n) AS id, customer_id, country, placed_at
FROM (
    SELECT n, c.id AS customer_id, c.country,
           greatest(c.created_at + interval '4 minutes', pg_temp.shopping_hour(
               CASE WHEN pg_temp.roll(n, 201) < 0.08 AND c.created_at < timestamptz '2025-11-15 00:00Z'
                    THEN date '2025-11-15' + floor(38 * pg_temp.roll(n, 202))::integer
                    ELSE c.created_at::date
                         + floor((date '2026-06-30' - c.created_at::date) * pg_temp.roll(n, 203))::integer
               END, n, 204)) AS placed_at
    FROM (
        SELECT n, 1 + floor(pg_temp.scaled(12000) * pg_temp.roll(n, 206) ^ 1.5)::integer AS customer_id
        FROM generate_series(1, pg_temp.scaled(42000)) AS n
    ) AS drawn
    JOIN customers AS c ON c.id = drawn.customer_id
) AS placed;

-- 480 products; 77 has no common factor with 480, so bestsellers are spread over all shelves.
INSERT INTO order_items
SELECT d.id, line, p.id,
       1 + floor(4 * pg_temp.roll(d.id * 8 + line, 301) ^ 4),
       CASE WHEN pg_temp.roll(d.id, 302) < 0.12 THEN round(p.price * 0.85, 2) ELSE p.price END
FROM draft AS d
CROSS JOIN LATERAL generate_series(1, 1 + floor(5 * pg_temp.roll(d.id, 303) ^ 1.9)::integer) AS line
JOIN products AS p ON p.id = 1 + floor(480 * pg_temp.roll(d.id * 8 + line, 304) ^ 1.7)::integer * 77 % 480;

INSERT INTO orders
SELECT d.id, d.customer_id, d.placed_at,
       CASE WHEN d.placed_at > timestamptz '2026-06-29 00:00Z' THEN 'placed'
            WHEN pg_temp.roll(d.id, 401) < 0.04 THEN 'cancelled'
            WHEN d.placed_at > timestamptz '2026-06-28 00:00Z' THEN 'paid'
            WHEN d.placed_at > timestamptz '2026-06-25 00:00Z' THEN 'shipped'
            WHEN pg_temp.roll(d.id, 402) < 0.07 THEN 'returned'
            ELSE 'delivered' END::order_status,
       d.country, i.total
FROM draft AS d
JOIN (SELECT order_id, sum(quantity * unit_price) AS total FROM order_items GROUP BY order_id) AS i ON i.order_id = d.id;

INSERT INTO payments
SELECT id, id, method,
       CASE WHEN method = 'card' THEN pg_temp.lean('{Visa,Mastercard,American Express}', id, 503) END,
       CASE WHEN method = 'card' THEN lpad((hashint8extended(id, 504) & 8191)::text, 4, '0') END,
       CASE WHEN method = 'sepa'
            THEN country || '00' || lpad((hashint8extended(customer_id, 505) & 68719476735)::text, 18, '37040044') END,
       total,
       CASE status WHEN 'returned' THEN 'refunded' WHEN 'cancelled' THEN 'failed' ELSE 'captured' END,
       placed_at + make_interval(secs => floor(5 + 90 * pg_temp.roll(id, 506)))
FROM (
    SELECT id, customer_id, country, status, total, placed_at,
           CASE WHEN country IN ('DE', 'NL') AND pg_temp.roll(customer_id, 501) < 0.45 THEN 'sepa'
                ELSE pg_temp.lean('{card,wallet}', id, 502) END AS method
    FROM orders WHERE status <> 'placed'
) AS due;

INSERT INTO sessions
SELECT 'sess_' || left(encode(sha256(convert_to('session ' || n, 'UTF8')), 'hex'), 40),
       1 + floor(pg_temp.scaled(12000) * pg_temp.roll(n, 601) ^ 1.2)::integer,
       '198.51.100.0'::inet + (hashint8extended(n, 602) & 255),
       pg_temp.lean('{Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Safari/604.1,Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/137.0,Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/137.0,Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1,Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Firefox/139.0}', n, 603),
       opened, opened + interval '30 days'
FROM (
    SELECT n, pg_temp.shopping_hour(date '2026-06-01' + floor(30 * pg_temp.roll(n, 604) ^ 0.7)::integer, n, 605) AS opened
    FROM generate_series(1, pg_temp.scaled(9000)) AS n
) AS opened;

INSERT INTO support_tickets
SELECT n, c.id, subject,
       format('Hello, this is %s %s. %s You can reach me at %s. Kind regards', c.given_name, c.family_name,
              pg_temp.pick('{I have been waiting for over a week.,I wrote to you before and got no answer.,Could you please look into it?,It is meant as a present for Saturday.,Everything else was lovely by the way.}', n, 702),
              coalesce(c.phone, c.email)),
       CASE WHEN subject IN ('I was charged twice', 'I cannot log in') THEN 1
            ELSE 2 + floor(3 * pg_temp.roll(n, 703))::integer END,
       opened,
       CASE WHEN opened < timestamptz '2026-06-12 00:00Z'
            THEN opened + make_interval(hours => 1 + floor(200 * pg_temp.roll(n, 704) ^ 3)::integer) END
FROM (
    SELECT n, 1 + floor(pg_temp.scaled(12000) * pg_temp.roll(n, 705))::integer AS customer_id,
           pg_temp.lean('{Where is my parcel?,I want to return an item,Wrong size delivered,I was charged twice,The glass arrived broken,Please change my address,I cannot log in,Invoice with VAT number}', n, 706) AS subject,
           pg_temp.shopping_hour(date '2026-06-29' - floor(540 * pg_temp.roll(n, 707) ^ 1.6)::integer, n, 708) AS opened
    FROM generate_series(1, pg_temp.scaled(3600)) AS n
) AS ticket
JOIN customers AS c ON c.id = ticket.customer_id;

-- A third of the visitors are not logged in.
INSERT INTO events
SELECT n, at, CASE WHEN pg_temp.roll(n, 801) < 0.66
                   THEN 1 + floor(pg_temp.scaled(12000) * pg_temp.roll(n, 802) ^ 1.3)::integer END,
       kind,
       CASE kind WHEN 'search' THEN '/search'
                 WHEN 'checkout' THEN '/checkout'
                 WHEN 'login' THEN '/account'
                 ELSE '/p/' || 1 + floor(480 * pg_temp.roll(n, 803) ^ 1.7)::integer * 77 % 480 END,
       jsonb_build_object('ms', 20 + floor(900 * pg_temp.roll(n, 804) ^ 5)::integer,
                          'device', pg_temp.lean('{phone,desktop,tablet}', n, 805))
FROM (
    SELECT n, pg_temp.lean('{view,view,search,cart,checkout,login}', n, 806) AS kind,
           pg_temp.shopping_hour(date '2026-01-01' + floor(181 * pg_temp.roll(n, 807) ^ 0.85)::integer, n, 808) AS at
    FROM generate_series(1, pg_temp.scaled(90000)) AS n
) AS seen;
