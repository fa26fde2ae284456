package example.booking;

/** The service said no, and sending the same again would not help. */
public class BookingRefused extends Exception {

    public BookingRefused(String code, String detail) {
        super("%s (%s)".formatted(code, detail));
    }
}
