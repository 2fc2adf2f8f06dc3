//! The eleven tables of Chinook, with the names that they have in the file.
//!
//! ```text
//! Artist -< Album -< Track -< InvoiceLine >- Invoice >- Customer >- Employee >- Employee
//!                    Track >- Genre, MediaType
//!                    Track >-< Playlist, by way of PlaylistTrack
//! ```
//!
//! What goes with an artist is said by `cascade = "all"`: its albums, their tracks, the invoice
//! lines of these. The tables themselves say NO ACTION everywhere.

use entail::prelude::*;

pub fn chinook() -> Result<Mapping, entail::MappingErrors> {
    mapping![
        Artist,
        Album,
        Track,
        Genre,
        MediaType,
        Playlist,
        InvoiceLine,
        Invoice,
        Customer,
        Employee
    ]
}

#[derive(Entity)]
#[entity(table = "Artist")]
pub struct Artist {
    #[key]
    #[column(rename = "ArtistId")]
    pub id: Auto<i64>,
    #[column(rename = "Name", length = 120)]
    pub name: Option<String>,
    #[has_many(Album::ARTIST, cascade = "all", order_by = "Title")]
    pub albums: HasMany<Album>,
}

#[derive(Entity)]
#[entity(table = "Album")]
pub struct Album {
    #[key]
    #[column(rename = "AlbumId")]
    pub id: Auto<i64>,
    #[column(rename = "Title", length = 160)]
    pub title: String,
    #[belongs_to(column = "ArtistId", back_populates = Artist::ALBUMS)]
    pub artist: BelongsTo<Artist>,
    #[has_many(Track::ALBUM, cascade = "all", order_by = "TrackId")]
    pub tracks: HasMany<Track>,
}

#[derive(Entity)]
#[entity(table = "Track")]
pub struct Track {
    #[key]
    #[column(rename = "TrackId")]
    pub id: Auto<i64>,
    #[column(rename = "Name", length = 200)]
    pub name: String,
    #[belongs_to(column = "AlbumId", back_populates = Album::TRACKS)]
    pub album: BelongsTo<Option<Album>>,
    #[belongs_to(column = "MediaTypeId", back_populates = MediaType::TRACKS)]
    pub media_type: BelongsTo<MediaType>,
    #[belongs_to(column = "GenreId", back_populates = Genre::TRACKS)]
    pub genre: BelongsTo<Option<Genre>>,
    #[column(rename = "Composer", length = 220)]
    pub composer: Option<String>,
    #[column(rename = "Milliseconds")]
    pub milliseconds: i64,
    #[column(rename = "Bytes")]
    pub bytes: Option<i64>,
    #[column(rename = "UnitPrice")]
    pub unit_price: f64,
    #[has_many(InvoiceLine::TRACK, cascade = "all")]
    pub invoice_lines: HasMany<InvoiceLine>,
    // Links need no cascade: they go with the track, the playlists stay.
    #[many_to_many(
        table = "PlaylistTrack",
        local = "TrackId",
        remote = "PlaylistId",
        back_populates = Playlist::TRACKS
    )]
    pub playlists: ManyToMany<Playlist>,
}

#[derive(Entity)]
#[entity(table = "Genre")]
pub struct Genre {
    #[key]
    #[column(rename = "GenreId")]
    pub id: Auto<i64>,
    #[column(rename = "Name", length = 120)]
    pub name: Option<String>,
    #[has_many(Track::GENRE)]
    pub tracks: HasMany<Track>,
}

#[derive(Entity)]
#[entity(table = "MediaType")]
pub struct MediaType {
    #[key]
    #[column(rename = "MediaTypeId")]
    pub id: Auto<i64>,
    #[column(rename = "Name", length = 120)]
    pub name: Option<String>,
    #[has_many(Track::MEDIA_TYPE)]
    pub tracks: HasMany<Track>,
}

#[derive(Entity)]
#[entity(table = "Playlist")]
pub struct Playlist {
    #[key]
    #[column(rename = "PlaylistId")]
    pub id: Auto<i64>,
    #[column(rename = "Name", length = 120)]
    pub name: Option<String>,
    #[many_to_many(
        table = "PlaylistTrack",
        local = "PlaylistId",
        remote = "TrackId",
        back_populates = Track::PLAYLISTS
    )]
    pub tracks: ManyToMany<Track>,
}

#[derive(Entity)]
#[entity(table = "InvoiceLine")]
pub struct InvoiceLine {
    #[key]
    #[column(rename = "InvoiceLineId")]
    pub id: Auto<i64>,
    #[belongs_to(column = "InvoiceId", back_populates = Invoice::LINES)]
    pub invoice: BelongsTo<Invoice>,
    #[belongs_to(column = "TrackId", back_populates = Track::INVOICE_LINES)]
    pub track: BelongsTo<Track>,
    #[column(rename = "UnitPrice")]
    pub unit_price: f64,
    #[column(rename = "Quantity")]
    pub quantity: i64,
}

#[derive(Entity)]
#[entity(table = "Invoice")]
pub struct Invoice {
    #[key]
    #[column(rename = "InvoiceId")]
    pub id: Auto<i64>,
    #[belongs_to(column = "CustomerId", back_populates = Customer::INVOICES)]
    pub customer: BelongsTo<Customer>,
    #[column(rename = "InvoiceDate")]
    pub date: String,
    #[column(rename = "BillingAddress", length = 70)]
    pub billing_address: Option<String>,
    #[column(rename = "BillingCity", length = 40)]
    pub billing_city: Option<String>,
    #[column(rename = "BillingState", length = 40)]
    pub billing_state: Option<String>,
    #[column(rename = "BillingCountry", length = 40)]
    pub billing_country: Option<String>,
    #[column(rename = "BillingPostalCode", length = 10)]
    pub billing_postal_code: Option<String>,
    #[column(rename = "Total")]
    pub total: f64,
    #[has_many(InvoiceLine::INVOICE, cascade = "all, delete-orphan")]
    pub lines: HasMany<InvoiceLine>,
}

#[derive(Entity)]
#[entity(table = "Customer")]
pub struct Customer {
    #[key]
    #[column(rename = "CustomerId")]
    pub id: Auto<i64>,
    #[column(rename = "FirstName", length = 40)]
    pub first_name: String,
    #[column(rename = "LastName", length = 20)]
    pub last_name: String,
    #[column(rename = "Company", length = 80)]
    pub company: Option<String>,
    #[column(rename = "Address", length = 70)]
    pub address: Option<String>,
    #[column(rename = "City", length = 40)]
    pub city: Option<String>,
    #[column(rename = "State", length = 40)]
    pub state: Option<String>,
    #[column(rename = "Country", length = 40)]
    pub country: Option<String>,
    #[column(rename = "PostalCode", length = 10)]
    pub postal_code: Option<String>,
    #[column(rename = "Phone", length = 24)]
    pub phone: Option<String>,
    #[column(rename = "Fax", length = 24)]
    pub fax: Option<String>,
    #[column(rename = "Email", length = 60)]
    pub email: String,
    #[belongs_to(column = "SupportRepId", back_populates = Employee::CUSTOMERS)]
    pub support_rep: BelongsTo<Option<Employee>>,
    #[has_many(Invoice::CUSTOMER)]
    pub invoices: HasMany<Invoice>,
}

#[derive(Entity)]
#[entity(table = "Employee")]
pub struct Employee {
    #[key]
    #[column(rename = "EmployeeId")]
    pub id: Auto<i64>,
    #[column(rename = "LastName", length = 20)]
    pub last_name: String,
    #[column(rename = "FirstName", length = 20)]
    pub first_name: String,
    #[column(rename = "Title", length = 30)]
    pub title: Option<String>,
    #[belongs_to(column = "ReportsTo", back_populates = Employee::REPORTS)]
    pub manager: BelongsTo<Option<Employee>>,
    #[column(rename = "BirthDate")]
    pub birth_date: Option<String>,
    #[column(rename = "HireDate")]
    pub hire_date: Option<String>,
    #[column(rename = "Address", length = 70)]
    pub address: Option<String>,
    #[column(rename = "City", length = 40)]
    pub city: Option<String>,
    #[column(rename = "State", length = 40)]
    pub state: Option<String>,
    #[column(rename = "Country", length = 40)]
    pub country: Option<String>,
    #[column(rename = "PostalCode", length = 10)]
    pub postal_code: Option<String>,
    #[column(rename = "Phone", length = 24)]
    pub phone: Option<String>,
    #[column(rename = "Fax", length = 24)]
    pub fax: Option<String>,
    #[column(rename = "Email", length = 60)]
    pub email: Option<String>,
    #[has_many(Employee::MANAGER)]
    pub reports: HasMany<Employee>,
    #[has_many(Customer::SUPPORT_REP)]
    pub customers: HasMany<Customer>,
}
