"""The agreed receipt at each width, read and approved by eye. Change it only together with the wording."""

GOLDEN = {
    32: """\
          Skin Clinic
       Main branch, Pune
            Receipt
        * DUPLICATE 1 *
--------------------------------
GSTIN: 27AAPFU0939F1ZV
Number: R-000123
Bill: INV-2026-0412
Customer: Ramesh K.
Printed: 21 Nov 2026, 2:14 pm
--------------------------------
Consultation              500.00
Tretinoin cream 0.025% 20 g
HSN 3004, 2 x 125.00      250.00
Chemical peel HSN 9993  1,750.00
--------------------------------
Total                Rs.2,500.00
Paid                 Rs.2,000.00
Due                    Rs.500.00
CGST 9 % on 1,694.91      152.55
SGST 9 %                  152.54
Rupees two thousand five hundred
only
--------------------------------
Visa **** 1234       Rs.1,500.00
Paid: 21 Nov 2026, 2:14 pm
RRN: 632660677204
Auth code: A1B2C3
Machine: Counter 1 TID 12345671
--------------------------------
Cash                   Rs.500.00
Paid: 21 Nov 2026, 2:14 pm
Handed over: Rs.1,000.00
Change: Rs.500.00
--------------------------------
       Check this paper:
      HS7A-3CK3-R7QN-EDVBB
https://shop.example/r/HS7A3CK3R
7QNEDVBB
""",
    42: """\
               Skin Clinic
            Main branch, Pune
                 Receipt
             * DUPLICATE 1 *
------------------------------------------
GSTIN: 27AAPFU0939F1ZV
Number: R-000123
Bill: INV-2026-0412
Customer: Ramesh K.
Printed: 21 Nov 2026, 2:14 pm
------------------------------------------
Consultation                        500.00
Tretinoin cream 0.025% 20 g
HSN 3004, 2 x 125.00                250.00
Chemical peel HSN 9993            1,750.00
------------------------------------------
Total                          Rs.2,500.00
Paid                           Rs.2,000.00
Due                              Rs.500.00
CGST 9 % on 1,694.91                152.55
SGST 9 %                            152.54
Rupees two thousand five hundred only
------------------------------------------
Visa **** 1234                 Rs.1,500.00
Paid: 21 Nov 2026, 2:14 pm
RRN: 632660677204
Auth code: A1B2C3
Machine: Counter 1 TID 12345671
------------------------------------------
Cash                             Rs.500.00
Paid: 21 Nov 2026, 2:14 pm
Handed over: Rs.1,000.00
Change: Rs.500.00
------------------------------------------
            Check this paper:
           HS7A-3CK3-R7QN-EDVBB
https://shop.example/r/HS7A3CK3R7QNEDVBB
""",
    48: """\
                  Skin Clinic
               Main branch, Pune
                    Receipt
                * DUPLICATE 1 *
------------------------------------------------
GSTIN: 27AAPFU0939F1ZV
Number: R-000123
Bill: INV-2026-0412
Customer: Ramesh K.
Printed: 21 Nov 2026, 2:14 pm
------------------------------------------------
Consultation                              500.00
Tretinoin cream 0.025% 20 g
HSN 3004, 2 x 125.00                      250.00
Chemical peel HSN 9993                  1,750.00
------------------------------------------------
Total                                Rs.2,500.00
Paid                                 Rs.2,000.00
Due                                    Rs.500.00
CGST 9 % on 1,694.91                      152.55
SGST 9 %                                  152.54
Rupees two thousand five hundred only
------------------------------------------------
Visa **** 1234                       Rs.1,500.00
Paid: 21 Nov 2026, 2:14 pm
RRN: 632660677204
Auth code: A1B2C3
Machine: Counter 1 TID 12345671
------------------------------------------------
Cash                                   Rs.500.00
Paid: 21 Nov 2026, 2:14 pm
Handed over: Rs.1,000.00
Change: Rs.500.00
------------------------------------------------
               Check this paper:
              HS7A-3CK3-R7QN-EDVBB
https://shop.example/r/HS7A3CK3R7QNEDVBB
""",
}
